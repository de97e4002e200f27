import { Authentication } from './access/authentication.js';
import { AccessTokens } from './accounts/access-tokens.js';
import { Accounts } from './accounts/accounts.js';
import { PasswordHasher } from './accounts/password-hasher.js';
import { PendingRegistrations } from './accounts/pending-registrations.js';
import { Reauthentication } from './accounts/reauthentication.js';
import { Registration } from './accounts/registration.js';
import { SignIn } from './accounts/sign-in.js';
import { SigningKeys } from './accounts/signing-keys.js';
import { BatchHashings } from './codes/batch-hashing.js';
import { CodeHasher, hashParametersFor } from './codes/code-hash.js';
import { RecoveryCodes } from './codes/recovery-codes.js';
import { Cleanup } from './cleanup/cleanup.js';
import { Schedules } from './cleanup/schedules/schedules.js';
import { HashPool } from './crypto/hash-pool.js';
import { CodeMailing } from './copies/code-mailing.js';
import type { RenderCodeFile } from './copies/code-sheet.js';
import { Copies } from './copies/copies.js';
import type { Keyring } from './crypto/keyring.js';
import type { Database } from './database.js';
import { AuditLog } from './events/audit-log.js';
import { LiveFeeds } from './live/live-feeds.js';
import type { JobStore } from './jobs/job-store.js';
import { Jobs } from './jobs/jobs.js';
import { Attempts } from './limits/attempts.js';
import { Limiter } from './limits/limiter.js';
import type { Mails } from './mail/mails.js';
import { EmailLog } from './mail/read-email-log.js';
import type { Meter } from './meter.js';
import { type ServiceInfo, serviceInfo } from './service-info.js';
import type { DomainSettings } from './settings.js';
import { SettingsCheck, type SettingsFound } from './settings-check.js';
import type { Signals } from './signals.js';

export interface Core {
  readonly db: Database;
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly meter: Meter;
  readonly version: string;
  /** What our access tokens name as issuer and audience. Asked late: a port may be chosen at listening. */
  readonly issuer: () => string;
  readonly signals: Signals;
  readonly jobs: JobStore;
  readonly mails: Mails;
  readonly renderCodeFile: RenderCodeFile;
  readonly settingsFound?: SettingsFound;
  /** Told of live events that cannot be read at the moment. */
  readonly onLiveFault?: (error: unknown) => void;
}

/** What Sparekey can do; the same objects serve every request, job and command. */
export interface Services {
  readonly info: ServiceInfo;
  readonly recoveryCodes: RecoveryCodes;
  readonly copies: Copies;
  readonly codeMailing: CodeMailing;
  readonly authentication: Authentication;
  readonly accounts: Accounts;
  readonly registration: Registration;
  readonly pendingRegistrations: PendingRegistrations;
  readonly signIn: SignIn;
  readonly signingKeys: SigningKeys;
  readonly passwords: PasswordHasher;
  readonly hashings: BatchHashings;
  readonly live: LiveFeeds;
  readonly cleanup: Cleanup;
  readonly schedules: Schedules;
  readonly jobs: Jobs;
  readonly audit: AuditLog;
  readonly emailLog: EmailLog;
  readonly settingsCheck: SettingsCheck;
}

// A password hash takes 19 MiB and tens of milliseconds: two at once fill two cores. A code hash takes a millisecond, and
// a batch of ten goes to the threads at once, so that none of the four waits for the next.
const PASSWORD_POOL = { concurrency: 2, queueLength: 64 };
const CODE_POOL = { concurrency: 10, queueLength: 1024 };

export function createServices(core: Core): Services {
  const { db, settings, keyring, meter, issuer, signals, jobs, mails, renderCodeFile } = core;
  const passwords = new PasswordHasher(new HashPool(PASSWORD_POOL), meter);
  const hasher = new CodeHasher(keyring, new HashPool(CODE_POOL), meter);
  const hashings = new BatchHashings(db, keyring, hashParametersFor(settings.codes));
  const limiter = new Limiter(db, keyring, { limits: settings.limits, meter });
  const attempts = new Attempts(db, limiter);
  const signingKeys = new SigningKeys(db, keyring);
  const accessTokens = new AccessTokens(signingKeys, { issuer, ttlSeconds: settings.accounts.accessTokenTtlSeconds });
  const { stepUpSeconds, emailVerificationTtlSeconds } = settings.accounts;
  const reauthentication = new Reauthentication(db, attempts, { passwords, stepUpSeconds });
  const registration = new Registration(db, { settings, keyring, passwords, limiter });
  const codeParts = { settings, keyring, hasher, hashings, limiter, attempts, reauthentication, meter };
  const signInParts = { settings, keyring, passwords, hasher, hashings, attempts, accessTokens, meter };
  const codeMailing = new CodeMailing(db, { keyring, mails });
  const copyParts = { settings, keyring, limiter, mailing: codeMailing, render: renderCodeFile };
  const schedules = new Schedules(db, { settings, jobs });
  return {
    info: serviceInfo(settings, core.version),
    recoveryCodes: new RecoveryCodes(db, codeParts),
    copies: new Copies(db, copyParts),
    codeMailing,
    authentication: new Authentication(db, { accessTokens }),
    accounts: new Accounts(db, { settings, limiter }),
    registration,
    pendingRegistrations: new PendingRegistrations(db, { keyring, limiter, emailVerificationTtlSeconds }),
    signIn: new SignIn(db, signInParts),
    signingKeys,
    passwords,
    hashings,
    live: new LiveFeeds(db, { signals, accessTokens, onFault: core.onLiveFault ?? (() => undefined) }),
    cleanup: new Cleanup(db, { settings, jobs }),
    schedules,
    jobs: new Jobs(db, { jobs, schedules }),
    audit: new AuditLog(db),
    emailLog: new EmailLog(db),
    settingsCheck: new SettingsCheck(db, keyring, core.settingsFound),
  };
}
