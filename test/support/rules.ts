import { randomBytes, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import argon2 from 'argon2';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { connectDatabase } from '../../src/database/connect.js';
import { networkOf } from '../../src/domain/access/network.js';
import type { Origin, SignedIn } from '../../src/domain/access/viewer.js';
import { Keyring } from '../../src/domain/crypto/keyring.js';
import type { Database } from '../../src/domain/database.js';
import { RateLimitedError } from '../../src/domain/errors.js';
import { createServices, type Services } from '../../src/domain/services.js';
import { Mails } from '../../src/domain/mail/mails.js';
import type { MailPort } from '../../src/domain/mail/mail-port.js';
import { renderCodeFile } from '../../src/files/render-code-file.js';
import { createFetchJson } from '../../src/http-fetch/fetch-json.js';
import { createMailer } from '../../src/mail/mailer.js';
import { createMailTransport } from '../../src/mail/transport.js';
import { noSignals } from '../../src/domain/signals.js';
import { JobQueue } from '../../src/jobs/job-queue.js';
import { PostgresJobs } from '../../src/jobs/postgres-backend.js';
import { PASSWORD } from './accounts.js';
import { makeDatabase, type TestDatabase, withClockOffset } from './database.js';

/** The services of the domain on a database of a test's own, without server, relay and port. */
export interface Rules {
  readonly services: Services;
  readonly config: Config;
  readonly mails: Mails;
  readonly database: TestDatabase;
  readonly db: Database;
  readonly keyring: Keyring;
  /** The jobs in PostgreSQL; away until it is started. */
  readonly queue: JobQueue;
  /** What the meter counted so far, such as `hash/code`, `spend/accepted`, `refusal/VERIFY`. */
  readonly counts: ReadonlyMap<string, number>;
  /** The same settings and database, as another process would have them, with the rules' clock moved by so much. */
  at(seconds: number): Rules;
  /** As another process with other settings. */
  with(overrides: Record<string, string>): Rules;
  close(): Promise<void>;
}

/** A verified account with one session, and what the rules know of its request. */
export interface Owner {
  readonly viewer: SignedIn;
  readonly id: string;
  readonly email: string;
  readonly origin: Origin;
}

const DEFAULTS = {
  HOST: '127.0.0.1',
  ADDRESS_FAILURES_PER_HOUR: '100000',
  RECOVERY_KEY: randomBytes(32).toString('base64url'),
};
const POOL_SIZE = 10;

export async function openRules(overrides: Record<string, string> = {}): Promise<Rules> {
  const database = await makeDatabase();
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(closers.map((end) => end()));
    await database.drop();
  };
  const rules = connectRules({ database, closers, close, overrides, offset: 0 });
  await rules.services.signingKeys.ensure();
  return rules;
}

interface Connection {
  readonly database: TestDatabase;
  /** Of every connection that was opened from the first. */
  readonly closers: (() => Promise<void>)[];
  readonly close: () => Promise<void>;
  readonly overrides: Record<string, string>;
  readonly offset: number;
}

function connectRules(connection: Connection): Rules {
  const { database, closers, close, overrides, offset } = connection;
  const { config, problems } = loadConfig({ ...DEFAULTS, ...overrides });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const {
    db,
    pool,
    close: disconnect,
  } = connectDatabase({
    url: withClockOffset(database.url, offset),
    poolSize: POOL_SIZE,
  });
  closers.push(disconnect);
  const keyring = new Keyring(config.keys.recoveryKey as Buffer, config.keys.previousRecoveryKeys);
  const counts = new Map<string, number>();
  const count = (kind: string) => (name: string) =>
    void counts.set(`${kind}/${name}`, (counts.get(`${kind}/${name}`) ?? 0) + 1);
  const meter = { hash: count('hash'), spend: count('spend'), refusal: count('refusal') };
  const backend = new PostgresJobs(db, pool);
  const queue = new JobQueue({ db, signals: noSignals, backend, onFault: () => undefined });
  const mails = new Mails(db, { mail: mailerOf(config.mail), settings: config, onLogFault: rethrown });
  const services = createServices({
    db,
    settings: config,
    keyring,
    meter,
    version: '0',
    issuer: () => 'http://localhost',
    signals: noSignals,
    jobs: queue,
    mails,
    renderCodeFile,
    fetchJson: createFetchJson(config.issuers),
  });
  const shifted = new Map<number, Rules>();
  const at = (seconds: number) => {
    const rules = shifted.get(seconds) ?? connectRules({ ...connection, offset: offset + seconds });
    shifted.set(seconds, rules);
    return rules;
  };
  const withSettings = (others: Record<string, string>) =>
    connectRules({ ...connection, overrides: { ...overrides, ...others } });
  return { services, config, database, db, keyring, mails, queue, counts, at, with: withSettings, close };
}

/** Mails leave as the settings say, else as files in a folder of its own. */
function mailerOf(settings: Config['mail']): MailPort {
  const filesDir = join(tmpdir(), `sparekey-mails-${randomUUID()}`);
  const transport = createMailTransport({ ...settings, filesDir, siteName: 'Sparekey' });
  return createMailer({ transport, siteName: 'Sparekey', publicUrl: () => 'http://localhost' });
}

function rethrown(error: unknown): never {
  throw error;
}

/** Where a request comes from: 192.0.2.1 unless said otherwise. */
export function from(address = '192.0.2.1'): Origin {
  return { address, network: networkOf(address), userAgent: 'Firefox on Linux' };
}

let passwordHash: Promise<string> | undefined;

/** An account with the password PASSWORD whose session was opened where nobody else is, so that it makes no network known. */
export async function makeOwner(
  { database }: Pick<Rules, 'database'>,
  { role = 'USER', origin = from() }: { role?: 'USER' | 'ADMIN'; origin?: Origin } = {},
): Promise<Owner> {
  passwordHash ??= argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  const [id, sessionId] = [randomUUID(), randomUUID()];
  const email = `${id}@example.org`;
  await database.rows(
    `insert into accounts (id, email, email_key, role, password_hash, email_verified_at) values ($1, $2, $2, $3, $4, now())`,
    [id, email, role, await passwordHash],
  );
  await database.rows(
    `insert into sessions (id, account_id, method, expires_at) values ($1, $2, 'PASSWORD', now() + interval '90 days')`,
    [sessionId, id],
  );
  const viewer: SignedIn = {
    kind: 'signed-in',
    accountId: id,
    limitSubject: email,
    role,
    sessionId,
    method: 'PASSWORD',
    secondsSinceAuthentication: 0,
  };
  return { viewer, id, email, origin };
}

/** Issues a batch, past whatever cooldown is open. */
export async function issueCodes(
  { services, database }: Pick<Rules, 'services' | 'database'>,
  { viewer, origin }: Owner,
  expiresInDays?: number,
): Promise<{ readonly id: string; readonly codes: readonly string[] }> {
  await database.rows('update rate_limits set blocked_until = null where blocked_until is not null and count = 0');
  const { batch, codes } = await services.recoveryCodes.generate(viewer, origin, {
    expiresInDays: expiresInDays ?? null,
  });
  return { id: batch.id, codes };
}

/** How a call ended: its value, the seconds that it was told to wait, or the code of its error. */
export async function outcomeOf<T>(call: Promise<T>): Promise<T | string | number> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RateLimitedError) return error.retryAfterSeconds;
    return (error as { code?: string }).code ?? String(error);
  }
}

/** The refusal of a call by the limiter. */
export async function refusalOf(call: Promise<unknown>): Promise<RateLimitedError> {
  const error: unknown = await call.then(
    () => new Error('The call was admitted.'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RateLimitedError)) throw error;
  return error;
}
