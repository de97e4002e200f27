import { Authentication } from './access/authentication.js';
import { AccessTokens } from './accounts/access-tokens.js';
import { Accounts } from './accounts/accounts.js';
import { type AccountChanges, createAccountChanges } from './accounts/create-account-changes.js';
import { KeyRotation } from './accounts/key-rotation.js';
import { PasswordHasher } from './accounts/password-hasher.js';
import { Reauthentication } from './accounts/reauthentication.js';
import { SessionCache } from './accounts/session-cache.js';
import { SessionRevocations } from './accounts/session-revocations.js';
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
import { createIssuers, type IssuerCore, type Issuers } from './issuers/create-issuers.js';
import type { Federation } from './issuers/federation.js';
import type { JobStore } from './jobs/job-store.js';
import { Jobs } from './jobs/jobs.js';
import { Attempts } from './limits/attempts.js';
import { Limiter } from './limits/limiter.js';
import type { Mails } from './mail/mails.js';
import { EmailLog } from './mail/read-email-log.js';
import type { Meter } from './meter.js';
import { type ServiceInfo, serviceInfo } from './service-info.js';
import { ServiceCallers } from './service-keys/service-callers.js';
import { ServiceKeys } from './service-keys/service-keys.js';
import type { DomainSettings } from './settings.js';
import { SettingsCheck, type SettingsFound } from './settings-check.js';
import type { Signals } from './signals.js';

export interface Core extends IssuerCore {
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
export interface Services extends Issuers, AccountChanges {
  readonly info: ServiceInfo;
  readonly recoveryCodes: RecoveryCodes;
  readonly copies: Copies;
  readonly codeMailing: CodeMailing;
  readonly authentication: Authentication;
  readonly accounts: Accounts;
  readonly signIn: SignIn;
  readonly sessionRevocations: SessionRevocations;
  readonly signingKeys: SigningKeys;
  readonly keyRotation: KeyRotation;
  readonly passwords: PasswordHasher;
  readonly hashings: BatchHashings;
  readonly live: LiveFeeds;
  readonly cleanup: Cleanup;
  readonly schedules: Schedules;
  readonly jobs: Jobs;
  readonly audit: AuditLog;
  readonly serviceKeys: ServiceKeys;
  readonly emailLog: EmailLog;
  readonly settingsCheck: SettingsCheck;
}

// A password hash takes 19 MiB and tens of milliseconds: two at once fill two cores. A code hash takes a millisecond, and
// a batch of ten goes to the threads at once, so that none of the four waits for the next.
const PASSWORD_POOL = { concurrency: 2, queueLength: 64 };
const CODE_POOL = { concurrency: 10, queueLength: 1024 };

export function createServices(core: Core): Services {
  const { db, settings, keyring, meter, issuer, signals, mails, renderCodeFile } = core;
  const passwords = new PasswordHasher(new HashPool(PASSWORD_POOL), meter);
  const hasher = new CodeHasher(keyring, new HashPool(CODE_POOL), meter);
  const hashings = new BatchHashings(db, keyring, hashParametersFor(settings.codes));
  const limiter = new Limiter(db, keyring, { limits: settings.limits, meter });
  const attempts = new Attempts(db, limiter);
  const { keyRotationTtlSeconds: rotationTtlSeconds } = settings.accounts;
  const signingKeys = new SigningKeys(db, { keyring, signals, rotationTtlSeconds });
  const sessions = new SessionCache(db, { signals });
  const accessTokens = new AccessTokens(signingKeys, { issuer, ttlSeconds: settings.accounts.accessTokenTtlSeconds });
  const { stepUpSeconds } = settings.accounts;
  const reauthentication = new Reauthentication(db, attempts, { passwords, stepUpSeconds });
  const issuers = createIssuers(db, core, reauthentication);
  const codeParts = { settings, keyring, hasher, hashings, limiter, attempts, reauthentication, meter };
  const signInParts = { settings, keyring, passwords, hasher, hashings, attempts, accessTokens, sessions, meter };
  const codeMailing = new CodeMailing(db, { keyring, mails });
  const copyParts = { settings, keyring, limiter, mailing: codeMailing, render: renderCodeFile };
  return {
    ...issuers,
    ...createCallers(core, { accessTokens, sessions, signingKeys, federation: issuers.federation }),
    ...createOperations(core),
    ...createAccountChanges(db, { settings, keyring, limiter, passwords, reauthentication, sessions }),
    info: serviceInfo(settings, core.version),
    recoveryCodes: new RecoveryCodes(db, codeParts),
    copies: new Copies(db, copyParts),
    codeMailing,
    accounts: new Accounts(db, { settings, limiter }),
    signIn: new SignIn(db, signInParts),
    sessionRevocations: new SessionRevocations(db, sessions),
    signingKeys,
    keyRotation: new KeyRotation(db, { settings, keyring, signingKeys, reauthentication }),
    passwords,
    hashings,
    serviceKeys: new ServiceKeys(db, { reauthentication }),
  };
}

interface CallerParts {
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionCache;
  readonly signingKeys: SigningKeys;
  readonly federation: Federation;
}

/** Who asks, over HTTP and over sockets. */
function createCallers(
  { db, signals, onLiveFault: onFault = () => undefined }: Core,
  { signingKeys: keys, ...parts }: CallerParts,
): Pick<Services, 'authentication' | 'live'> {
  return {
    authentication: new Authentication({ ...parts, serviceCallers: new ServiceCallers(db) }),
    live: new LiveFeeds(db, { ...parts, signals, keys, onFault }),
  };
}

/** What admins run and read. */
function createOperations({
  db,
  settings,
  keyring,
  jobs,
  settingsFound,
}: Core): Pick<Services, 'cleanup' | 'schedules' | 'jobs' | 'audit' | 'emailLog' | 'settingsCheck'> {
  const schedules = new Schedules(db, { settings, jobs });
  return {
    cleanup: new Cleanup(db, { settings, jobs }),
    schedules,
    jobs: new Jobs(db, { jobs, schedules }),
    audit: new AuditLog(db),
    emailLog: new EmailLog(db),
    settingsCheck: new SettingsCheck(db, keyring, settingsFound),
  };
}
