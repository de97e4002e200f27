import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { holdOutbox, statementsOf } from '../support/statements.js';

type Variables = Record<string, unknown>;

const LIST = `query($first: Int, $after: String, $search: String) { list: accounts(first: $first, after: $after, search: $search) {
  edges { cursor node { id email externalId origin } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp();
  await holdOutbox(app.database.pool);
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

const ask = (query: string, variables: Variables = {}, { token } = admin): Promise<Answer> =>
  app.post(query, variables, { token });

interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: Readonly<Record<string, any>> }[];
  readonly pageInfo: Readonly<Record<string, any>>;
}

async function list(variables: Variables = {}): Promise<Connection> {
  const { data, errors } = await ask(LIST, variables);
  expect(errors).toEqual([]);
  return data['list'];
}

const namesOf = ({ edges }: Connection) => edges.map(({ node }) => node['email'] ?? node['externalId']);

/** Every account of a list, walked by pages of this size. */
async function walk(first: number, search?: string): Promise<any[]> {
  const seen: any[] = [];
  let after: string | null = null;
  do {
    const { edges, pageInfo }: Connection = await list({ first, after, search });
    expect(pageInfo['hasPreviousPage']).toBe(after !== null);
    expect(pageInfo['endCursor']).toBe(edges.at(-1)?.cursor ?? null);
    expect(edges.length).toBeLessThanOrEqual(first);
    seen.push(...edges.map(({ node }) => node));
    after = pageInfo['hasNextPage'] ? pageInfo['endCursor'] : null;
  } while (after !== null);
  return seen;
}

/** LOCAL accounts with these addresses. Ids grow, as they do where accounts are made one after the other. */
async function makeLocal(...emails: readonly string[]): Promise<string[]> {
  const ids = emails.map(() => newId());
  await app.database.rows(
    `insert into accounts (id, email, email_key) select id, email, key from unnest($1::uuid[], $2::text[], $3::text[]) a(id, email, key)`,
    [ids, emails, emails.map((email) => email.normalize('NFKC').toLowerCase())],
  );
  return ids;
}

async function makeForeign(origin: string, ...externalIds: readonly string[]): Promise<string[]> {
  const ids = externalIds.map(() => newId());
  await app.database.rows(
    `insert into accounts (id, origin, external_id) select id, $3, name from unnest($1::uuid[], $2::text[]) a(id, name)`,
    [ids, externalIds, origin],
  );
  return ids;
}

describe('accounts', () => {
  it('are listed newest first, 20 where nothing is said, and walked by pages of any size', async () => {
    await makeLocal(...Array.from({ length: 25 }, (_, n) => `n${n}@list.example.org`));
    const all = await app.database.rows<{ id: string }>('select id from accounts order by id desc');
    expect((await list()).edges.map(({ node }) => node['id'])).toEqual(all.slice(0, 20).map(({ id }) => id));
    for (const size of [1, 7, 26, 100]) {
      expect((await walk(size)).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    }
  });

  it('are counted only where it is asked for', async () => {
    const [{ count } = { count: 0 }] = await app.database.rows<{ count: number }>(
      'select count(*)::int as count from accounts',
    );
    expect((await ask('{ accounts(first: 1) { totalCount } }')).data['accounts'].totalCount).toBe(count);
    await list();
    const sent = await statementsOf(app.database.pool, () => list({ first: 100 }));
    expect(sent.filter((text) => text.includes('from accounts a where'))).toHaveLength(1);
    expect(sent.filter((text) => text.includes('count(*)'))).toEqual([]);
  });

  it('show an admin what they show their owners, and nobody else anything', async () => {
    const me = await makeAccount(app);
    await issue(app, me, 7);
    await issue(app, me);
    const fields = `id email role origin externalId createdAt emailVerifiedAt lastSignedInAt setupVerifiedAt
      activeBatch { number status codes { id position status } } generateCooldown { isActive }
      batches { totalCount edges { node { number status remainingCount account { id } } } } sessions { id method }`;
    const mine = (await ask(`{ me { ${fields} } }`, {}, me)).data['me'];
    expect(mine).toMatchObject({ activeBatch: { number: 2, codes: { length: 10 } }, batches: { totalCount: 2 } });
    expect(mine.sessions).toEqual([{ id: me.sessionId, method: 'PASSWORD' }]);
    const { data, errors } = await ask(
      `query($search: String) { accounts(search: $search) { edges { node { ${fields} } } } }`,
      { search: me.id },
    );
    expect([errors, data['accounts'].edges]).toEqual([[], [{ node: mine }]]);
    expect((await ask(LIST, {}, me)).code).toBe('FORBIDDEN');
  });
});

describe('a search', () => {
  beforeAll(async () => {
    await makeLocal(
      'ada@example.org',
      'Ada.Lovelace@example.org',
      'adam@example.org',
      'bert@example.org',
      'ab_c@x.org',
    );
    await makeLocal('a%b@example.org', 'a%@example.org', 'a\\b@example.org', 'éva@example.org', 'eva@example.org');
    await makeForeign('service:shop', 'Customer-7', 'customer-70', 'CUSTOMER-8', 'ada-of-the-shop');
    await makeForeign('service:bank', 'customer-7');
  });
  const search = async (text: string) => namesOf(await list({ search: text, first: 100 }));

  it('finds addresses and external ids that begin with it, whatever their case, in their order', async () => {
    expect(await search('ada')).toEqual([
      'ada-of-the-shop',
      'Ada.Lovelace@example.org',
      'ada@example.org',
      'adam@example.org',
    ]);
    expect(await search('ADA@EXAMPLE')).toEqual(['ada@example.org']);
    expect(await search('Customer-7')).toEqual(['Customer-7', 'customer-7', 'customer-70']);
    expect(await search('bert@example.org')).toEqual(['bert@example.org']);
    expect(await search('dam')).toEqual([]);
  });

  it('takes white space around it for none, and other forms of a letter for that letter', async () => {
    expect(await search(' \tbert@ \n')).toEqual(['bert@example.org']);
    expect(await search('e\u0301va')).toEqual(['éva@example.org']);
    expect(await search('\uff22ert')).toEqual(['bert@example.org']);
  });

  it('takes the signs of a pattern for themselves', async () => {
    expect(await search('a%')).toEqual(['a%@example.org', 'a%b@example.org']);
    expect(await search('ab_')).toEqual(['ab_c@x.org']);
    expect(await search('a_')).toEqual([]);
    expect(await search('a\\')).toEqual(['a\\b@example.org']);
    expect(await search('%')).toEqual([]);
    expect(await search("'; drop table accounts; --")).toEqual([]);
  });

  it('by an id finds that account, and those that are called so', async () => {
    const me = await makeAccount(app);
    expect(await search(me.id)).toEqual([me.email]);
    expect(await search(me.id.toUpperCase())).toEqual([me.email]);
    await makeLocal(`${me.id}@example.org`, `${me.id}@a.example.org`);
    await makeForeign('service:shop', me.id);
    const called = [me.id, `${me.id}@a.example.org`, `${me.id}@example.org`];
    const wanted = [...called, me.email].toSorted((a, b) => (a < b ? -1 : 1));
    expect(await search(me.id)).toEqual(wanted);
    for (const size of [1, 2, 3]) {
      expect((await walk(size, me.id)).map(({ email, externalId }) => email ?? externalId)).toEqual(wanted);
    }
    expect(await search(randomUUID())).toEqual([]);
    const [named] = await makeForeign('service:shop', 'to be named');
    await app.database.rows('update accounts set external_id = id where id = $1', [named]);
    expect(await search(named as string)).toEqual([named]);
    const counted = await ask('query($search: String) { accounts(search: $search) { totalCount } }', { search: me.id });
    expect(counted.data['accounts'].totalCount).toBe(4);
  });

  it('by nothing is none', async () => {
    const all = await search('');
    expect(all.length).toBeGreaterThan(30);
    for (const blank of [' \t\n', '\u00a0\u2003']) expect(await search(blank)).toEqual(all);
  });

  it('by more than 320 characters is refused', async () => {
    expect(await search('a'.repeat(320))).toEqual([]);
    expect(await search('😀'.repeat(320))).toEqual([]);
    const { code, errors } = await ask(LIST, { search: 'a'.repeat(321) });
    expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'search']);
  });

  it('is walked by pages of any size in the order of what it finds, each account once, and counted', async () => {
    const domain = `${randomUUID()}.example`;
    const names = ['a', 'a', 'B', 'b', 'ba', 'C', 'zz', '~', '-', '_', 'é', 'aé', 'a\u{1f5dd}'];
    await makeForeign(`service:${domain}`, ...names.map((name) => `${domain}/${name}`).filter((_, n) => n !== 1));
    await makeForeign('service:other', `${domain}/a`, `${domain}/B`);
    const bytes = (name: string) => Buffer.from(name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));
    const sorted = [...names, 'B'].toSorted((a, b) => Buffer.compare(bytes(a), bytes(b)));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 16 }), async (size) => {
        const seen = await walk(size, domain);
        expect(seen.map(({ externalId }) => externalId.slice(domain.length + 1).toLowerCase())).toEqual(
          sorted.map((name) => name.toLowerCase()),
        );
        expect(new Set(seen.map(({ id }) => id)).size).toBe(sorted.length);
      }),
      { numRuns: 10 },
    );
    const { data } = await ask('query($search: String) { accounts(first: 1, search: $search) { totalCount } }', {
      search: domain,
    });
    expect(data['accounts'].totalCount).toBe(sorted.length);
  });
});

describe('a cursor that is none', () => {
  const cursor = (text: string) => Buffer.from(text).toString('base64url');
  const id = randomUUID();
  const wrong: Readonly<Record<string, Variables>> = {
    'an empty text': { after: '' },
    'another text': { after: 'x' },
    'the cursor of a search, in a list without': { after: cursor(`k:${id}:ada`) },
    'the cursor of a list, in a search': { after: cursor(`i:${id}`), search: 'ada' },
    'no key': { after: cursor(`k:${id}:`), search: 'ada' },
    'no id': { after: cursor('k:ada'), search: 'ada' },
    'an id in capitals': { after: cursor(`k:${id.replace(/^./, 'A').toUpperCase()}:ada`), search: 'ada' },
    NUL: { after: cursor(`k:${id}:ada\0`), search: 'ada' },
    'bytes that are no text': { after: Buffer.from(`k:${id}:\xff`, 'latin1').toString('base64url'), search: 'ada' },
    'something behind it': { after: `${cursor(`k:${id}:ada`)}!`, search: 'ada' },
  };
  it.each(Object.entries(wrong))('is refused: %s', async (_, variables) => {
    const { code, errors } = await ask(LIST, variables);
    expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', 'after']);
  });

  it('leads out of no search', async () => {
    expect(namesOf(await list({ search: 'bert', after: cursor(`k:${id}:a`) }))).toEqual(['bert@example.org']);
    expect(namesOf(await list({ search: 'bert', after: cursor(`k:${id}:z`) }))).toEqual([]);
  });
});
