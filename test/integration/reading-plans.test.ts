import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

const EVENTS = 100_000;
const ACCOUNTS = 100_000;
const MAILS = 20_000;

let rules: Rules;
let admin: Owner;
beforeAll(async () => {
  rules = await openRules();
  admin = await makeOwner(rules, { role: 'ADMIN' });
  await fill();
  await rules.database.rows('vacuum (analyze) accounts, audit_events, email_log');
});
afterAll(() => rules.close());

/** Accounts of which each tenth has no address, fifty events about each of some of them, and mails. */
async function fill(): Promise<void> {
  const { rows } = rules.database;
  await rows(
    `insert into accounts (id, email, email_key, origin, external_id)
     select uuidv7(), email, email, case when email is null then 'service:shop' else 'LOCAL' end,
       case when email is null then 'Customer-' || n end
     from generate_series(1, ${ACCOUNTS}) n, lateral (select case when n % 10 > 0 then md5(n::text) || '@example.org' end) e(email)`,
  );
  await rows(
    `insert into audit_events (id, action, created_at, account_id, batch_id)
     select uuidv7(), case when n % 100 = 0 then 'CODE_USED' when n % 2 = 0 then 'SIGNED_IN' else 'RATE_LIMITED' end,
       now() - n * interval '1 minute', a.id, case when n % 3 = 0 then a.id end
     from (select id, row_number() over (order by id) as place from accounts limit ${EVENTS / 50}) a,
       generate_series(1, 50) m, lateral (select m * ${EVENTS / 50} + place) numbered(n)`,
  );
  await rows(
    `insert into email_log (id, key, template, recipient, sender, subject, status, created_at)
     select uuidv7(), n::text, 'code-used', 'a@example.org', 'b@example.org', 'x', 'SENT', now() - n * interval '1 minute'
     from generate_series(1, ${MAILS}) n`,
  );
}

interface Sent {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What is sent to the database meanwhile. */
async function sentBy(run: () => Promise<unknown>): Promise<Sent[]> {
  const sent: Sent[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const [query, values] = args as [string | { text: string; values?: unknown[] }, unknown[] | undefined];
    sent.push(typeof query === 'string' ? { text: query, values: values ?? [] } : { values: [], ...query });
    return (original as (...all: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    await run();
  } finally {
    pg.Client.prototype.query = original;
  }
  return sent;
}

interface Plans {
  /** As it is planned for these very values, and for whatever values. */
  readonly known: string;
  readonly generic: string;
}

/** How the database goes about the one statement that this sends. */
async function plansBy(run: () => Promise<unknown>): Promise<Plans> {
  const sent = await sentBy(run);
  expect(sent).toHaveLength(1);
  const [{ text, values }] = sent as [Sent];
  const client = await rules.database.pool.connect();
  const explain = async (options: string, given: readonly unknown[] = []) => {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${options} ${text}`, [...given]);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  const plans = { known: await explain('', values), generic: await explain('(generic_plan)') };
  client.release();
  return plans;
}

interface Listed {
  readonly items: readonly { readonly id: string; readonly at?: string; readonly cursor?: string }[];
}

/** The plans of a whole first page, and of the page behind its second entry. */
async function plansOfPages(page: (request: object) => Promise<Listed>): Promise<Plans[]> {
  const { items } = await page({ first: 3 });
  expect(items).toHaveLength(3);
  const { cursor, at, id } = items[1] as Listed['items'][number];
  const after = cursor ?? Buffer.from(`t:${at}:${id}`).toString('base64url');
  const first = await plansBy(() => page({ first: 100 }));
  return [first, await plansBy(() => page({ first: 100, after }))];
}

function expectRangeScan(plan: string, index: string): void {
  expect(plan).toMatch(new RegExp(`Index (?:Only )?Scan (?:Backward )?using ${index}`));
  expect(plan).not.toMatch(/Seq Scan|Sort|Bitmap/);
}

describe('a page of a long list is a range scan of an index, in its order, and so is a later page', () => {
  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  const AUDIT: Readonly<Record<string, readonly [index: string, filter: object]>> = {
    'all events': ['audit_events_created_at_index', {}],
    'the events of a time': ['audit_events_created_at_index', { since: days(30), until: days(20) }],
    // Half of all events: by time alone they are found as fast.
    'a common action': ['audit_events_(?:action|created_at)_index', { action: 'SIGNED_IN' }],
    'a rare action': ['audit_events_action_index', { action: 'CODE_USED' }],
  };

  it.each(Object.entries(AUDIT))('of %s', async (_, [index, filter]) => {
    const { audit } = rules.services;
    for (const { known, generic } of await plansOfPages((request) => audit.page(admin.viewer, filter, request))) {
      expectRangeScan(known, index);
      expectRangeScan(generic, index);
    }
  });

  it('of an action that never happened', async () => {
    const { audit } = rules.services;
    const { known, generic } = await plansBy(() => audit.page(admin.viewer, { action: 'KEY_ROTATED' }, {}));
    for (const plan of [known, generic]) expect(plan).toMatch(/using audit_events_action_index/);
  });

  it.each([
    ['an account', 'audit_events_account_id_index', (accountId: string) => ({ accountId })],
    ['a batch', 'audit_events_batch_id_index', (batchId: string) => ({ batchId })],
  ])('of the events of %s', async (_, index, filter) => {
    const { audit } = rules.services;
    const [some] = await rules.database.rows<{ id: string }>(
      'select account_id as id from audit_events where batch_id is not null limit 1',
    );
    const page = (request: object) => audit.page(admin.viewer, filter(some?.id as string), request);
    for (const { known, generic } of await plansOfPages(page)) {
      expectRangeScan(generic, index);
      // Where there are known to be no more than a page, they may be sorted as well.
      expect(known).toMatch(new RegExp(`(?:using|on) ${index}`));
    }
  });

  it('of the events of each of many accounts', async () => {
    const ids = await rules.database.rows<{ id: string }>(
      'select distinct account_id as id from audit_events limit 30',
    );
    const asked = ids.map(({ id }) => ({ id, request: { first: 5 } }));
    const { known, generic } = await plansBy(() => rules.services.audit.ofAccounts(asked));
    for (const plan of [known, generic]) {
      expect(plan).toContain('Index Scan Backward using audit_events_account_id_index');
      expect(plan).not.toMatch(/Seq Scan|Bitmap/);
    }
  });

  it.each([
    ['all accounts', 'accounts_pkey', undefined],
    ['accounts found by their addresses', 'accounts_search_index', '4'],
    ['accounts found by their external ids', 'accounts_search_index', 'customer-1'],
  ])('of %s', async (_, index, search) => {
    const { accounts } = rules.services;
    for (const { known, generic } of await plansOfPages((request) => accounts.list(admin.viewer, search, request))) {
      for (const plan of [known, generic]) {
        expectRangeScan(plan, index);
        if (search !== undefined) expect(plan).toMatch(/Index Cond: .*~>=~ .*~<~ /);
      }
    }
  });

  it('of an account found by its id, with all that are called so', async () => {
    const { id } = admin;
    for (const plan of Object.values(await plansBy(() => rules.services.accounts.list(admin.viewer, id, {})))) {
      expect(plan).toMatch(/using accounts_search_index/);
      expect(plan).toMatch(/using accounts_pkey/);
      expect(plan).not.toMatch(/Seq Scan|Bitmap/);
    }
  });

  it('of mails', async () => {
    const { emailLog } = rules.services;
    for (const { known, generic } of await plansOfPages((request) => emailLog.page(admin.viewer, request))) {
      expectRangeScan(known, 'email_log_created_at_index');
      expectRangeScan(generic, 'email_log_created_at_index');
    }
  });
});
