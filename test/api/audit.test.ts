import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { issue, makeAccount, PASSWORD, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from } from '../support/client-origin.js';
import { TOGETHER } from '../support/later-app.js';
import { holdOutbox, statementsOf } from '../support/statements.js';

type Variables = Record<string, unknown>;

const NODE = `id action createdAt batchId codeId issuedCount removedCount reason ipAddress userAgent method sessionId
  serviceKeyId count actor { id } account { id }`;
const PAGE = `edges { cursor node { ${NODE} } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`;
const EVENTS = `query($first: Int, $after: String, $filter: AuditEventFilter) {
  list: auditEvents(first: $first, after: $after, filter: $filter) { ${PAGE} } }`;
const OWN = `query($first: Int, $after: String) { me { auditEvents(first: $first, after: $after) { ${PAGE} totalCount } } }`;
const CHROME =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: '3' });
  await holdOutbox(app.database.pool);
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

const ask = (query: string, variables: Variables, { token } = admin): Promise<Answer> =>
  app.post(query, variables, { token });

interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: Readonly<Record<string, any>> }[];
  readonly pageInfo: Readonly<Record<string, any>>;
}

async function events(variables: Variables = {}): Promise<Connection> {
  const { data, errors } = await ask(EVENTS, variables);
  expect(errors).toEqual([]);
  return data['list'];
}

const found = async (filter: Variables): Promise<any[]> =>
  (await events({ first: 100, filter })).edges.map(({ node }) => node);

const ownEvents = async (account: TestAccount): Promise<any[]> => {
  const { data, errors } = await ask(OWN, { first: 100 }, account);
  expect(errors).toEqual([]);
  return data['me'].auditEvents.edges.map(({ node }: any) => node);
};

/** Writes events at these times, and returns their ids in the order in which they are to be listed. */
async function makeEvents(times: readonly string[], values: Variables = {}): Promise<string[]> {
  const columns = { action: 'CLEANUP_RUN', ...values };
  const names = Object.keys(columns);
  const rows = await app.database.rows<{ id: string }>(
    `with made as (
       insert into audit_events (id, created_at, ${names.join()})
       select gen_random_uuid(), at::timestamptz, ${names.map((_, n) => `$${n + 2}`).join()} from unnest($1::text[]) at
       returning id, created_at
     ) select id from made order by created_at desc, id desc`,
    [times, ...Object.values(columns)],
  );
  return rows.map(({ id }) => id);
}

describe('a page of all events', () => {
  it('is 20 of them where nothing is said, newest first', async () => {
    await makeEvents(Array.from({ length: 25 }, (_, n) => `2024-01-01T00:00:${10 + n}Z`));
    const { edges, pageInfo } = await events();
    expect(edges).toHaveLength(20);
    const times = edges.map(({ node }) => node['createdAt']);
    expect(times).toEqual(times.toSorted((a, b) => Date.parse(b) - Date.parse(a)));
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: edges[0]?.cursor,
      endCursor: edges.at(-1)?.cursor,
    });
  });

  it('goes on where the last one ended, by pages of any size, though times are the same or a microsecond apart', async () => {
    const batch = randomUUID();
    const times = Array.from({ length: 40 }, (_, n) => `2023-06-01T12:00:00.12300${Math.floor(n / 4) % 7}Z`);
    const ids = await makeEvents(times, { batch_id: batch });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 45 }), async (first) => {
        const seen: string[] = [];
        let after: string | null = null;
        do {
          const page: Connection = await events({ first, after, filter: { batchId: batch } });
          seen.push(...page.edges.map(({ node }) => node['id']));
          expect(page.pageInfo['hasPreviousPage']).toBe(after !== null);
          after = page.pageInfo['hasNextPage'] ? page.pageInfo['endCursor'] : null;
          expect(page.pageInfo['hasNextPage']).toBe(seen.length < ids.length);
        } while (after !== null);
        expect(seen).toEqual(ids);
      }),
      { numRuns: 12 },
    );
  });

  it('stays steady while events come in', async () => {
    const batch = randomUUID();
    const old = await makeEvents(['2024-02-01T00:00:00Z', '2024-02-02T00:00:00Z', '2024-02-03T00:00:00Z'], {
      batch_id: batch,
    });
    const { pageInfo, edges } = await events({ first: 2, filter: { batchId: batch } });
    await makeEvents(['2024-02-04T00:00:00Z'], { batch_id: batch });
    const next = await events({ first: 2, after: pageInfo['endCursor'], filter: { batchId: batch } });
    expect([...edges, ...next.edges].map(({ node }) => node['id'])).toEqual(old);
  });

  it('is one statement whatever its size, its actors and accounts one more; the count only where it is asked for', async () => {
    const page = (first: number) => events({ first });
    await page(1);
    const costs = [await statementsOf(app.database.pool, () => page(1))];
    costs.push(await statementsOf(app.database.pool, () => page(100)));
    for (const sent of costs) {
      expect(sent.filter((text) => text.includes('from audit_events e'))).toHaveLength(1);
      expect(sent.filter((text) => text.includes('from accounts a'))).toHaveLength(1);
    }
    expect(costs[1]?.length).toBeLessThanOrEqual(costs[0]?.length ?? 0);
    expect(costs.flat().filter((text) => text.includes('count(*)'))).toEqual([]);
    const counted = await statementsOf(app.database.pool, () => ask('{ auditEvents(first: 1) { totalCount } }', {}));
    expect(counted.filter((text) => text.includes('count(*)'))).toHaveLength(1);
  });
});

describe('a filter of events', () => {
  const batch = randomUUID();
  const account = randomUUID();
  let ids: string[];
  beforeAll(async () => {
    const times = ['05.000000', '04.000001', '04.000000', '03.999999', '03.000000'];
    ids = await makeEvents(
      times.map((seconds) => `2022-01-01T00:00:${seconds}Z`),
      { batch_id: batch, account_id: account, action: 'CODES_GENERATED' },
    );
    await makeEvents(['2022-01-01T00:00:04Z'], { batch_id: batch, action: 'CODE_USED' });
    await makeEvents(['2022-01-01T00:00:04Z'], { account_id: account, action: 'CODE_USED' });
  });
  const idsOf = async (filter: Variables) => (await found(filter)).map(({ id }) => id);

  it('by action, account and batch finds what is of all that are given', async () => {
    expect(await idsOf({ action: 'CODES_GENERATED', batchId: batch })).toEqual(ids);
    expect(await idsOf({ action: 'CODES_GENERATED', batchId: batch, accountId: account })).toEqual(ids);
    expect(await idsOf({ accountId: account, batchId: batch })).toEqual(ids);
    expect(await idsOf({ accountId: account })).toHaveLength(6);
    expect(await idsOf({ batchId: batch })).toHaveLength(6);
    expect(await idsOf({ accountId: account, action: 'CODE_USED', batchId: batch })).toEqual([]);
    expect(await idsOf({ accountId: account, action: null, batchId: null, since: null, until: null })).toHaveLength(6);
  });

  it('by time takes what is at `since` and leaves out what is at `until`', async () => {
    const between = (since: string | null, until: string | null) =>
      idsOf({ action: 'CODES_GENERATED', accountId: account, since, until });
    const [five, fourAndMore, four, almostFour, three] = ids;
    expect(await between('2022-01-01T00:00:04Z', null)).toEqual([five, fourAndMore, four]);
    expect(await between(null, '2022-01-01T00:00:04Z')).toEqual([almostFour, three]);
    expect(await between('2022-01-01T00:00:03Z', '2022-01-01T00:00:05Z')).toEqual(ids.slice(1));
    expect(await between('2022-01-01T01:00:04+01:00', '2022-01-01T00:00:04.001Z')).toEqual([fourAndMore, four]);
    expect(await between('2022-01-01T00:00:04Z', '2022-01-01T00:00:04Z')).toEqual([]);
    expect(await between('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z')).toEqual(ids);
  });

  it('by a time that ends before it begins is refused', async () => {
    const filter = { since: '2022-01-02T00:00:00Z', until: '2022-01-01T00:00:00Z' };
    const { errors, code } = await ask(EVENTS, { filter });
    expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'filter.since']);
  });

  it.each(['accountId', 'batchId'])(
    "by an %s that is nobody's, or none, finds nothing and counts nothing",
    async (name) => {
      for (const id of [randomUUID(), 'x', '', 7, account.toUpperCase()]) {
        const { data, errors } = await ask(
          'query($filter: AuditEventFilter) { auditEvents(filter: $filter) { totalCount edges { cursor } } }',
          { filter: { [name]: id } },
        );
        expect([errors, data['auditEvents']]).toEqual([[], { totalCount: 0, edges: [] }]);
      }
    },
  );

  it('is what the count goes by', async () => {
    const filter = { accountId: account, since: '2022-01-01T00:00:04Z' };
    const { data } = await ask(
      'query($filter: AuditEventFilter) { auditEvents(first: 1, filter: $filter) { totalCount } }',
      { filter },
    );
    expect(data['auditEvents'].totalCount).toBe(4);
  });

  it('knows every action that events are written with', async () => {
    const enumType = (await buildSparekeySchema()).getType('AuditAction') as unknown as {
      getValues(): { name: string }[];
    };
    const known = new Set(enumType.getValues().map(({ name }) => name));
    const written = await app.database.rows<{ action: string }>('select distinct action from audit_events');
    expect(written.length).toBeGreaterThan(3);
    expect(written.filter(({ action }) => !known.has(action))).toEqual([]);
  });
});

describe('an event tells', () => {
  const deleteBatch = (id: string, by: TestAccount, headers = from()) =>
    app.post(
      'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { id } } }',
      { id },
      { ...by, headers },
    );

  it('the owner all of what he did, and an admin the same', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const headers = from('192.0.2.77', CHROME);
    await deleteBatch(batch.id, me, headers);
    const wanted = {
      action: 'BATCH_MARKED_FOR_DELETION',
      batchId: batch.id,
      codeId: null,
      issuedCount: null,
      removedCount: 10,
      reason: null,
      ipAddress: '192.0.2.77',
      userAgent: 'Chrome on macOS',
      method: 'PASSWORD',
      sessionId: me.sessionId,
      serviceKeyId: null,
      count: 1,
      actor: { id: me.id },
      account: { id: me.id },
    };
    expect((await ownEvents(me))[0]).toMatchObject(wanted);
    expect((await found({ accountId: me.id }))[0]).toMatchObject(wanted);
    expect((await ownEvents(me)).at(-1)).toMatchObject({ action: 'SIGNED_IN', account: { id: me.id } });
  });

  it('the owner that an admin acted, but neither who, nor from where, nor how', async () => {
    const me = await makeAccount(app);
    const { id: batchId } = await issue(app, me);
    await deleteBatch(batchId, admin, from('192.0.2.78', CHROME));
    const [theirs] = await found({ accountId: me.id });
    expect(theirs).toMatchObject({
      ipAddress: '192.0.2.78',
      userAgent: 'Chrome on macOS',
      method: 'PASSWORD',
      sessionId: admin.sessionId,
      actor: { id: admin.id },
    });
    const [mine] = await ownEvents(me);
    expect(mine).toEqual({
      ...theirs,
      ipAddress: null,
      userAgent: null,
      method: null,
      sessionId: null,
      serviceKeyId: null,
      actor: null,
    });
  });

  it('the owner from where a stranger tried, as nobody in particular', async () => {
    const me = await makeAccount(app);
    const query = `mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }`;
    const headers = from('192.0.2.79', CHROME);
    for (let n = 0; n < 2; n += 1) await app.post(query, { email: me.email, password: 'wrong' }, { headers });
    const rejected = (await ownEvents(me)).filter(({ action }) => action === 'SIGN_IN_REJECTED');
    // Folded, unless the hour turned meanwhile.
    expect(rejected.reduce((sum, { count }) => sum + count, 0)).toBe(2);
    expect(rejected[0]).toMatchObject({
      actor: null,
      account: { id: me.id },
      ipAddress: '192.0.2.79',
      userAgent: 'Chrome on macOS',
      method: 'PASSWORD',
    });
  });

  it('what it did once its actor or its account is gone, without them', async () => {
    const [gone, me] = [randomUUID(), await makeAccount(app)];
    const values = { actor_id: gone, account_id: me.id, ip_address: '192.0.2.80', action: 'CODE_DELETED' };
    const [id] = await makeEvents(['2021-03-01T00:00:00Z'], values);
    const event = { id, action: 'CODE_DELETED', actor: null, account: { id: me.id } };
    expect((await found({ accountId: me.id })).at(-1)).toMatchObject({ ...event, ipAddress: '192.0.2.80' });
    expect((await ownEvents(me)).at(-1)).toMatchObject({ ...event, ipAddress: null });
    await app.database.rows('delete from accounts where id = $1', [me.id]);
    expect((await found({ accountId: me.id })).at(-1)).toMatchObject({ ...event, account: null });
  });

  it('an admin in a session by code no more than his own', async () => {
    const me = await makeAccount(app);
    await app.database.rows(`update accounts set role = 'ADMIN' where id = $1`, [me.id]);
    const { codes } = await issue(app, me);
    const { data } = await app.post(
      `mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) { accessToken } }`,
      { email: me.email, code: codes[0] },
    );
    const byCode = { ...me, token: data['signInWithRecoveryCode'].accessToken };
    expect((await ask(EVENTS, {}, byCode)).code).toBe('FORBIDDEN');
    expect((await ownEvents(byCode)).every(({ account }) => account.id === me.id)).toBe(true);
  });
});

describe("an account's own events", () => {
  it('are those about it and no other, by pages, with their count', async () => {
    const [me, other] = [await makeAccount(app), await makeAccount(app)];
    const times = Array.from({ length: 7 }, (_, n) => `2020-01-0${n + 1}T00:00:00Z`);
    await makeEvents(times, { account_id: me.id, action: 'CODE_REJECTED' });
    await makeEvents(times, { account_id: other.id, actor_id: me.id, action: 'CODE_DELETED' });
    const seen: any[] = [];
    let after: string | null = null;
    do {
      const { data, errors } = await ask(OWN, { first: 3, after }, me);
      expect(errors).toEqual([]);
      const { edges, pageInfo, totalCount } = data['me'].auditEvents;
      expect(totalCount).toBe(8);
      seen.push(...edges.map(({ node }: any) => node));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen.map(({ action }) => action)).toEqual(['SIGNED_IN', ...times.map(() => 'CODE_REJECTED')]);
    const { data } = await ask(
      `query($id: ID) { account(id: $id) { auditEvents(first: 100) { totalCount edges { node { id } } } } }`,
      { id: me.id },
    );
    expect(data['account'].auditEvents.edges.map(({ node }: any) => node.id)).toEqual(seen.map(({ id }) => id));
  });

  it('are read with the answer to a sign-in as the account that signed in, whatever token it carries', async () => {
    const [me, other] = [await makeAccount(app), await makeAccount(app)];
    const { data, errors } = await ask(
      `mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) {
        session { id } account { auditEvents(first: 1) { totalCount edges { node { ${NODE} } } } } } }`,
      { email: me.email, password: PASSWORD },
      other,
    );
    expect(errors).toEqual([]);
    const { session, account } = data['signIn'];
    expect(account.auditEvents.totalCount).toBe(2);
    expect(account.auditEvents.edges[0].node).toMatchObject({
      action: 'SIGNED_IN',
      sessionId: session.id,
      actor: { id: me.id },
    });
  });
});

describe('a cursor or size that is none', () => {
  const cursor = (text: string) => Buffer.from(text).toString('base64url');
  const id = randomUUID();
  const wrong: Readonly<Record<string, Variables>> = {
    'no entries': { first: 0 },
    'too many': { first: 101 },
    'less than none': { first: -1 },
    'an empty text': { after: '' },
    'another text': { after: 'x' },
    'an id': { after: id },
    'the cursor of a list by id': { after: cursor(`i:${id}`) },
    'no time': { after: cursor(`t:${id}`) },
    'something behind the id': { after: cursor(`t:12:${id}x`) },
    'a time before 1970': { after: cursor(`t:-1:${id}`) },
    'a fraction of a microsecond': { after: cursor(`t:1.5:${id}`) },
    'a time past all times': { after: cursor(`t:99999999999999999:${id}`) },
    'an id in capitals': { after: cursor(`t:12:${id.replace(/^./, 'A').toUpperCase()}`) },
    'something behind the cursor': { after: `${cursor(`t:12:${id}`)}!` },
    'a blank before it': { after: ` ${cursor(`t:12:${id}`)}` },
    NUL: { after: cursor(`t:12:${id}\0`) },
  };
  it.each(Object.entries(wrong))('is refused: %s', async (_, variables) => {
    const [argument] = Object.keys(variables);
    for (const { errors, code } of [await ask(EVENTS, variables), await ask(OWN, variables)]) {
      expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', argument]);
    }
  });

  it('is not the last that there can be', async () => {
    const { edges } = await events({ after: cursor(`t:9999999999999999:${id}`), first: 1 });
    expect(edges).toHaveLength(1);
    expect((await events({ after: cursor(`t:0:${id}`) })).edges).toEqual([]);
  });
});
