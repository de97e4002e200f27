import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { statementsOf } from '../support/statements.js';

const LOG = `query($first: Int, $after: String) { emailLog(first: $first, after: $after) {
  edges { cursor node { id template to from subject status attempts error createdAt sentAt } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ STORE_EMAIL_LOG: 'true', MAIL_FROM: 'codes@example.org', SITE_NAME: 'Acme Keys' });
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

const ask = (query: string, variables: Record<string, unknown> = {}, { token } = admin): Promise<Answer> =>
  app.post(query, variables, { token });

async function log(variables: Record<string, unknown> = {}) {
  const { data, errors } = await ask(LOG, variables);
  expect(errors).toEqual([]);
  return data['emailLog'];
}

const nodesOf = ({ edges }: any): any[] => edges.map(({ node }: any) => node);

/** Mails of one minute each, the newest first. */
async function makeEntries(count: number, values: Record<string, unknown> = {}): Promise<string[]> {
  const columns = { status: 'SENT', attempts: 1, error: null, ...values };
  const rows = await app.database.rows<{ id: string }>(
    `with made as (
       insert into email_log (id, key, template, recipient, sender, subject, created_at, status, attempts, error)
       select gen_random_uuid(), gen_random_uuid(), 'code-used', 'ada@example.org', 'codes@example.org', 'A code was used',
         '2020-01-01T00:00:00Z'::timestamptz + (n / 3) * interval '1 microsecond', $2, $3, $4
       from generate_series(1, $1) n returning id, created_at
     ) select id from made order by created_at desc, id desc`,
    [count, columns.status, columns.attempts, columns.error],
  );
  return rows.map(({ id }) => id);
}

describe('the log of mails', () => {
  it('tells of each mail to whom, from whom, what about and what became of it, and nothing of its text', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    await eventually(async () => nodesOf(await log()).some(({ to, status }) => to === me.email && status === 'SENT'));
    const answer = await ask(LOG);
    const mine = nodesOf(answer.data['emailLog']).filter(({ to }) => to === me.email);
    expect(mine).toEqual([
      {
        id: expect.any(String),
        template: 'codes-issued',
        to: me.email,
        from: 'codes@example.org',
        subject: expect.stringContaining('codes'),
        status: 'SENT',
        attempts: 1,
        error: null,
        createdAt: expect.any(String),
        sentAt: expect.any(String),
      },
    ]);
    for (const code of codes) expect(answer.text).not.toContain(code);
  });

  it('is read newest first, by pages of any size, one statement each, and counted only where it is asked for', async () => {
    const made = await makeEntries(50);
    const all = await app.database.rows<{ id: string }>('select id from email_log order by created_at desc, id desc');
    expect(all.slice(-50).map(({ id }) => id)).toEqual(made);
    expect(nodesOf(await log()).map(({ id }) => id)).toEqual(all.slice(0, 20).map(({ id }) => id));
    for (const first of [3, 17, 100]) {
      const seen: any[] = [];
      let after: string | null = null;
      do {
        const page = await log({ first, after });
        seen.push(...nodesOf(page));
        expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
        after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      } while (after !== null);
      expect(seen.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    }
    const sent = await statementsOf(app.database.pool, () => log({ first: 100 }));
    expect(sent.filter((text) => text.includes('email_log'))).toHaveLength(1);
    expect(sent.filter((text) => text.includes('count(*)'))).toEqual([]);
    expect((await ask('{ emailLog(first: 1) { totalCount } }')).data['emailLog'].totalCount).toBe(all.length);
  });

  it('tells of a mail that failed by a fixed phrase, and of one that is tried again', async () => {
    await makeEntries(1, { status: 'FAILED', attempts: 16, error: 'The mail server refused the recipient.' });
    await makeEntries(1, { status: 'QUEUED', attempts: 2, error: 'The mail server cannot be reached.' });
    const [queued, failed] = ['QUEUED', 'FAILED'].map((status) => ({ status, sentAt: null }));
    const found = nodesOf(await log({ first: 100 })).filter(({ error }) => error !== null);
    expect(found).toHaveLength(2);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...queued, attempts: 2, error: 'The mail server cannot be reached.' }),
        expect.objectContaining({ ...failed, attempts: 16, error: 'The mail server refused the recipient.' }),
      ]),
    );
  });

  it('is no reading for anyone but an admin', async () => {
    const me = await makeAccount(app);
    expect((await ask(LOG, {}, me)).code).toBe('FORBIDDEN');
    expect((await app.post(LOG, {})).code).toBe('UNAUTHENTICATED');
  });

  it.each([{ first: 0 }, { first: 101 }, { after: '' }, { after: 'x' }, { after: randomUUID() }])(
    'is not cut by %j',
    async (variables) => {
      const { code, errors } = await ask(LOG, variables);
      expect([code, errors[0]?.extensions?.['argument']]).toEqual(['BAD_USER_INPUT', Object.keys(variables)[0]]);
    },
  );

  it('is kept only where STORE_EMAIL_LOG says so', async () => {
    const other = await startTestApp();
    try {
      const me = await makeAccount(other);
      await issue(other, me);
      expect(await other.mails(me.email)).toHaveLength(1);
      const { token } = await signInAsAdmin(other);
      const { data } = await other.post('{ emailLog { totalCount edges { cursor } } }', {}, { token });
      expect(data['emailLog']).toEqual({ totalCount: 0, edges: [] });
    } finally {
      await other.close();
    }
  });
});
