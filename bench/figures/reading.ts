import type pg from 'pg';
import type { SignedIn } from '../../src/domain/access/viewer.js';
import { latencies } from '../measuring/rounds.ts';
import { openStage, type RealCode, type Stage } from '../stage.ts';
import { type Figure, inWords } from '../table.ts';

const FEW = 10_000;
const EVENTS_OF_ACCOUNT = 50;
const PAGE = { first: 20 };

/** A database of its own that holds so many accounts and as many events, and places in it to go on from. */
interface Ground {
  readonly stage: Stage;
  readonly admin: SignedIn;
  readonly accountCursors: readonly string[];
  readonly eventCursors: readonly string[];
  /** Accounts with events. */
  readonly accountIds: readonly string[];
  /** Of accounts that are found by the first letter of their address. */
  readonly searches: readonly { readonly search: string; readonly after: string }[];
}

type Read = (ground: Ground, index: number) => Promise<{ readonly items: readonly unknown[] }>;

const PAGES: Readonly<Record<string, Read>> = {
  'accounts, newest': ({ stage, admin }) => stage.app.services.accounts.list(admin, null, PAGE),
  'accounts, anywhere': ({ stage, admin, accountCursors }, n) =>
    stage.app.services.accounts.list(admin, null, { ...PAGE, after: any(accountCursors, n) }),
  'accounts, searched for': ({ stage, admin, searches }, n) =>
    stage.app.services.accounts.list(admin, any(searches, n).search, PAGE),
  'accounts, searched for, anywhere': ({ stage, admin, searches }, n) => {
    const { search, after } = any(searches, n);
    return stage.app.services.accounts.list(admin, search, { ...PAGE, after });
  },
  'auditEvents, newest': ({ stage, admin }) => stage.app.services.audit.page(admin, {}, PAGE),
  'auditEvents, anywhere': ({ stage, admin, eventCursors }, n) =>
    stage.app.services.audit.page(admin, {}, { ...PAGE, after: any(eventCursors, n) }),
  'auditEvents, of a rare action': ({ stage, admin }) =>
    stage.app.services.audit.page(admin, { action: 'SETUP_VERIFIED' }, PAGE),
  'auditEvents, of an account': ({ stage, admin, accountIds }, n) =>
    stage.app.services.audit.page(admin, { accountId: any(accountIds, n) }, PAGE),
};

/** Pages that admins read, without their totals: over many rows beside few, by turns. */
export async function measureReading({ scale }: Stage): Promise<Figure[]> {
  const many = await openGround(scale, scale.codes);
  const few = await openGround(scale, FEW);
  try {
    const figures: Figure[] = [];
    for (const [name, read] of Object.entries(PAGES)) {
      const pair = await latencies(scale.times, {
        ours: (n) => wholePage(read(many, n)),
        floor: (n) => wholePage(read(few, n)),
      });
      figures.push({
        name: `${name}, p50, of ${inWords(scale.codes)} beside ${inWords(FEW)}`,
        ...pair,
        unit: ' ms',
        must: { of: 'ratio', atMost: 2 },
      });
    }
    return figures;
  } finally {
    await few.stage.close();
    await many.stage.close();
  }
}

/** Less than a page would be less work. */
async function wholePage(read: ReturnType<Read>): Promise<void> {
  const { items } = await read;
  if (items.length !== PAGE.first) throw new Error(`A page of ${items.length} was read.`);
}

function any<T>(values: readonly T[], index: number): T {
  return values[index % values.length] as T;
}

async function openGround(scale: Stage['scale'], rows: number): Promise<Ground> {
  const stage = await openStage({ ...scale, people: 1 });
  await fill(stage.bare, rows);
  const [{ owner }] = stage.stock as [RealCode];
  const sampled = async (text: string) => (await stage.bare.query<Record<string, string>>(text, [scale.times])).rows;
  // With a page's worth of rows behind each.
  const accounts = await sampled(
    `select id, email_key as key from (select id, email_key from accounts order by id offset 20) a order by random() limit $1`,
  );
  const events = await sampled(
    `select (extract(epoch from created_at) * 1000000)::bigint as at, id
     from (select created_at, id from audit_events order by created_at, id offset 20) e order by random() limit $1`,
  );
  const found = await sampled(
    `select id, email_key as key, left(email_key, 1) as search from (
       select id, email_key, row_number() over (partition by left(email_key, 1) order by email_key desc) as behind
       from accounts where email_key ~ '^[0-9a-f]{32}@'
     ) a where behind > 20 order by random() limit $1`,
  );
  const owners = await sampled(
    `select account_id as id from (select distinct account_id from audit_events where reason = 'filling') e order by random() limit $1`,
  );
  return {
    stage,
    admin: { ...owner.viewer, role: 'ADMIN' },
    accountCursors: accounts.map(({ id }) => cursor(`i:${id}`)),
    eventCursors: events.map(({ at, id }) => cursor(`t:${at}:${id}`)),
    accountIds: owners.map(({ id }) => id as string),
    searches: found.map(({ id, key, search }) => ({ search: search as string, after: cursor(`k:${id}:${key}`) })),
  };
}

function cursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** Addresses anywhere in their order, and events of accounts that came one after the other, one in a hundred of a rare action. */
async function fill(db: pg.Pool, rows: number): Promise<void> {
  await db.query(
    `insert into accounts (id, email, email_key, email_verified_at)
     select uuidv7(), key, key, now() from generate_series(1, ${rows}) n, lateral (select md5(n::text) || '@example.org') e(key)`,
  );
  await db.query(
    `insert into audit_events (id, action, created_at, account_id, reason)
     select uuidv7(), case when n % 100 = 0 then 'SETUP_VERIFIED' when n % 2 = 0 then 'SIGNED_IN' else 'CODE_USED' end,
       now() - n * interval '10 seconds', a.id, 'filling'
     from (select id, row_number() over (order by id) as place from accounts limit ${rows / EVENTS_OF_ACCOUNT}) a,
       generate_series(0, ${EVENTS_OF_ACCOUNT - 1}) turn,
       lateral (select turn * ${rows / EVENTS_OF_ACCOUNT} + place) e(n)`,
  );
  for (const table of ['accounts', 'audit_events']) await db.query(`vacuum (analyze) ${table}`);
}
