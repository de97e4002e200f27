import { randomUUID } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { App } from '../src/app.js';
import type { Origin, SignedIn } from '../src/domain/access/viewer.js';
import { createApp, loadConfig } from './program.ts';

/** What the program in this process, the server beside it and the bare servers all take for the address of the service. */
export const PUBLIC_URL = 'http://127.0.0.1:4000';
export const POOL_SIZE = 10;
const CODES_PER_BATCH = 10;

/** How much is measured. */
export interface Scale {
  readonly people: number;
  /** Operations of each side, one after the other. */
  readonly times: number;
  /** Rounds of many at once, each over the whole stock. */
  readonly rounds: number;
  /** Rounds of the history page, each of a second: many short ones by turns, since the machine's moods last longer. */
  readonly pageRounds: number;
  /** Codes in the table at the end. */
  readonly codes: number;
  /** Codes in the table that is purged of a tenth of them, and how often each side purges it. */
  readonly purgedFrom: number;
  readonly purgeRounds: number;
  /** Seconds of each stretch of spends, while nothing else happens and while a purge runs by turns; and how many of each. */
  readonly stretchSeconds: number;
  readonly stretches: number;
  readonly subscribers: number;
  /** Reports to all of the subscribers, and reports to one in another process. */
  readonly publications: number;
}

/** Somebody signed in, from an address of their own. */
export interface Person {
  readonly viewer: SignedIn;
  readonly origin: Origin;
  readonly email: string;
}

export interface RealCode {
  readonly owner: Person;
  readonly batchId: string;
  readonly plaintext: string;
  /** As hex. */
  readonly hash: string;
}

/** The program in this process, not serving, over a durable PostgreSQL of its own, and a bare pool beside it. */
export interface Stage {
  readonly scale: Scale;
  readonly dataDir: string;
  readonly app: App;
  readonly bare: pg.Pool;
  /** Real codes, unspent; as many of each owner, the first of each owner first. */
  readonly stock: readonly RealCode[];
  /** Makes accounts with a session each. */
  people(count: number): Promise<Person[]>;
  /** Makes the stock's codes spendable again, and clears away what spending them left to be delivered. */
  restock(): Promise<void>;
  close(): Promise<void>;
}

export type Settings = Readonly<Record<string, string>> & { readonly DATA_DIR: string };

/** The defaults, but for limits that the bench's own failures would reach. */
export function settingsOf(dataDir: string, databaseUrl?: string): Settings {
  return {
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    DATA_DIR: dataDir,
    PUBLIC_URL,
    DATABASE_POOL_SIZE: `${POOL_SIZE}`,
    MAX_ATTEMPTS: '100',
    ADDRESS_FAILURES_PER_HOUR: '1000000',
  };
}

export async function openStage(scale: Scale): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sparekey-bench-'));
  return await openStageOn(scale, settingsOf(dataDir), async () => {
    await rm(await realpath(join(dataDir, 'postgres')), { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  });
}

/** Another stage, on another database of the same server. */
export async function openStageBeside({ dataDir }: Stage, scale: Scale, databaseUrl: string): Promise<Stage> {
  return await openStageOn(scale, settingsOf(dataDir, databaseUrl), () => Promise.resolve());
}

async function openStageOn(scale: Scale, settings: Settings, removed: () => Promise<void>): Promise<Stage> {
  const app = await openApp(settings);
  const bare = new pg.Pool({ connectionString: app.stores.databaseUrl, max: POOL_SIZE });
  bare.on('error', () => undefined);
  const people = (count: number) => makePeople(bare, count);
  const stock = await makeStock(app, bare, await people(scale.people));
  return {
    scale,
    dataDir: settings.DATA_DIR,
    app,
    bare,
    stock,
    people,
    restock: () => restock(bare, stock),
    close: async () => {
      await bare.end();
      await app.close();
      await removed();
    },
  };
}

async function openApp(settings: Settings): Promise<App> {
  const { config, problems } = loadConfig({ ...settings, LOG_LEVEL: 'silent' });
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const app = await createApp(config);
  await app.services.signingKeys.ensure();
  return app;
}

async function makePeople(db: pg.Pool, count: number): Promise<Person[]> {
  const people = Array.from({ length: count }, newPerson);
  const accounts = people.map(({ viewer }) => viewer.accountId);
  const emails = people.map(({ email }) => email);
  const sessions = people.map(({ viewer }) => viewer.sessionId);
  await db.query(
    `insert into accounts (id, email, email_key, email_verified_at)
     select id, email, email, now() from unnest($1::uuid[], $2::text[]) a(id, email)`,
    [accounts, emails],
  );
  await db.query(
    `insert into sessions (id, account_id, method, expires_at)
     select id, account_id, 'PASSWORD', now() + interval '1 day' from unnest($1::uuid[], $2::uuid[]) s(id, account_id)`,
    [sessions, accounts],
  );
  return people;
}

let lastAddress = 0;

function newPerson(): Person {
  lastAddress += 1;
  const address = `10.${lastAddress >> 16}.${(lastAddress >> 8) & 255}.${lastAddress & 255}`;
  const viewer: SignedIn = {
    kind: 'signed-in',
    accountId: randomUUID(),
    limitSubject: address,
    sessionId: randomUUID(),
    role: 'USER',
    method: 'PASSWORD',
    secondsSinceAuthentication: 0,
  };
  const origin = { address, network: address, userAgent: 'Firefox on Linux' };
  return { viewer, origin, email: `${viewer.accountId}@example.org` };
}

async function makeStock(app: App, bare: pg.Pool, people: readonly Person[]): Promise<RealCode[]> {
  const batches: RealCode[][] = [];
  for (const owner of people) {
    const { batch, codes } = await app.services.recoveryCodes.generate(owner.viewer, owner.origin, {});
    const { rows } = await bare.query<{ hash: Buffer }>(
      'select hash from recovery_codes where batch_id = $1 order by position',
      [batch.id],
    );
    batches.push(
      codes.map((plaintext, index) => {
        const hash = rows[index]?.hash.toString('hex') ?? '';
        return { owner, batchId: batch.id, plaintext, hash };
      }),
    );
  }
  return Array.from({ length: CODES_PER_BATCH }, (_, position) =>
    batches.map((codes) => codes[position] as RealCode),
  ).flat();
}

async function restock(bare: pg.Pool, stock: readonly RealCode[]): Promise<void> {
  const batchIds = [...new Set(stock.map((code) => code.batchId))];
  await bare.query(
    `update recovery_code_batches set status = 'ACTIVE', used_count = 0 where id = any($1::uuid[]) and used_count > 0`,
    [batchIds],
  );
  await bare.query(
    `update recovery_codes set status = 'ACTIVE', used_at = null where batch_id = any($1::uuid[]) and status = 'USED'`,
    [batchIds],
  );
  await bare.query('truncate outbox');
  for (const table of ['recovery_codes', 'recovery_code_batches', 'rate_limits', 'accounts']) {
    await bare.query(`vacuum (analyze) ${table}`);
  }
}
