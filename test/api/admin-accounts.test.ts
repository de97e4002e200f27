import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, PASSWORD, signInAsAdmin, type TestAccount, type TestBatch } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from } from '../support/client-origin.js';
import { TOGETHER } from '../support/later-app.js';

const MAX_ATTEMPTS = 2;

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: String(MAX_ATTEMPTS) });
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

type Variables = Record<string, unknown>;

const ask = (query: string, variables: Variables = {}, { token } = admin): Promise<Answer> =>
  app.post(query, variables, { token, headers: from() });

async function done(query: string, variables: Variables): Promise<any> {
  const { data, errors } = await ask(query, variables);
  expect(errors).toEqual([]);
  return Object.values(data)[0];
}

const BATCH = `id number status createdAt updatedAt expiresAt issuedCount usedCount invalidatedCount removedCount remainingCount
  isLow viewedAt deletedAt purgedAt codes { id position status usedAt invalidatedAt deletedAt }`;
const ACCOUNT = `id email role setupVerifiedAt activeBatch { ${BATCH} } batches { totalCount edges { node { ${BATCH} } } }
  generateCooldown { isActive } auditEvents(first: 3) { edges { node { id action } } }`;
const BY_ADDRESS = `query($email: String!) { accounts(search: $email) { edges { node { ${ACCOUNT} } } } }`;
const BY_ID = `query($id: ID!) { account(id: $id) { ${ACCOUNT} } }`;

/** An account as an admin reads it, in the list and by itself, and as its owner does: all three the same. */
async function seen(owner: TestAccount): Promise<any> {
  const listed = await ask(BY_ADDRESS, { email: owner.email });
  const alone = await ask(BY_ID, { id: owner.id });
  const own = await ask(`{ me { ${ACCOUNT} } }`, {}, owner);
  for (const { errors } of [listed, alone, own]) expect(errors).toEqual([]);
  const [edge, ...others] = listed.data['accounts'].edges;
  expect(others).toEqual([]);
  expect(alone.data['account']).toEqual(edge.node);
  expect(own.data['me']).toEqual(edge.node);
  await expectNoSecret(owner, [listed, alone]);
  return edge.node;
}

/** Neither a code nor what is stored of it. */
async function expectNoSecret({ id }: TestAccount, answers: readonly Answer[]): Promise<void> {
  const stored = await app.database.rows<{ hash: Buffer; salt: Buffer }>(
    `select c.hash, b.salt from recovery_codes c join recovery_code_batches b on b.id = c.batch_id where b.account_id = $1`,
    [id],
  );
  const bytes = stored.flatMap(({ hash, salt }) => [hash, salt]);
  const secrets = bytes.flatMap((each) => [each.toString('hex'), each.toString('base64'), each.toString('base64url')]);
  const codes = issued.flatMap((batch) => batch.codes).flatMap((code) => [code, code.replaceAll('-', '')]);
  for (const { text } of answers) for (const secret of [...secrets, ...codes]) expect(text).not.toContain(secret);
}

const issued: TestBatch[] = [];

async function ownerWithCodes(): Promise<{ owner: TestAccount; batch: TestBatch }> {
  const owner = await makeAccount(app);
  issued.push(await issue(app, owner, 30));
  const batch = await issue(app, owner);
  issued.push(batch);
  return { owner, batch };
}

const rowsOf = async ({ id }: TestBatch) =>
  await app.database.rows<{ id: string; status: string }>(
    'select id, status from recovery_codes where batch_id = $1 order by position',
    [id],
  );

const latestEvent = (account: any) => account.auditEvents.edges[0].node.action;

describe('an admin, by the lists of accounts', () => {
  it('sees the batches and codes that the owner sees, and no code', async () => {
    const { owner, batch } = await ownerWithCodes();
    const account = await seen(owner);
    expect(account.activeBatch).toMatchObject({ id: batch.id, number: 2, status: 'ACTIVE', remainingCount: 10 });
    expect(account.batches.edges.map(({ node }: any) => node.status)).toEqual(['ACTIVE', 'SUPERSEDED']);
    expect(account.batches.edges[1].node.codes).toHaveLength(10);
  });

  it.each([
    ['invalidates', 'invalidateRecoveryCode', 'INVALIDATED', 'CODE_INVALIDATED', 'invalidatedCount'],
    ['deletes', 'deleteRecoveryCode', 'PENDING_DELETION', 'CODE_DELETED', 'removedCount'],
  ])('%s one code, whose row stays', async (_, field, status, action, counted) => {
    const { owner, batch } = await ownerWithCodes();
    const { codes } = (await seen(owner)).activeBatch;
    const { outcome } = await done(
      `mutation($selector: RecoveryCodeSelector!) { ${field}(selector: $selector) { outcome } }`,
      { selector: { codeId: codes[3].id } },
    );
    expect(outcome).toBe('DONE');
    const account = await seen(owner);
    expect(account.activeBatch).toMatchObject({ [counted]: 1, remainingCount: 9, status: 'ACTIVE' });
    expect(account.activeBatch.codes.map((code: any) => code.status)).toEqual(
      codes.map((_code: unknown, n: number) => (n === 3 ? status : 'ACTIVE')),
    );
    expect(latestEvent(account)).toBe(action);
    expect((await rowsOf(batch)).map((row) => row.id)).toEqual(codes.map(({ id }: any) => id));
  });

  it('deletes a batch, whose rows stay until the purge', async () => {
    const { owner, batch } = await ownerWithCodes();
    await done('mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { id } } }', { id: batch.id });
    const account = await seen(owner);
    expect(account.activeBatch).toBeNull();
    expect(account.batches.edges[0].node).toMatchObject({ id: batch.id, status: 'PENDING_DELETION', removedCount: 10 });
    expect(latestEvent(account)).toBe('BATCH_MARKED_FOR_DELETION');
    expect((await rowsOf(batch)).map(({ status }) => status)).toEqual(batch.codes.map(() => 'PENDING_DELETION'));
  });

  it('unlocks an account', async () => {
    const { owner } = await ownerWithCodes();
    const headers = from();
    const signIn = (password: string): Promise<Answer> =>
      app.post(
        'mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { session { id } } }',
        { email: owner.email, password },
        { headers },
      );
    for (let n = 0; n < MAX_ATTEMPTS; n += 1) await signIn('wrong');
    expect((await signIn(PASSWORD)).code).toBe('RATE_LIMITED');
    const { id } = await seen(owner);
    await done('mutation($id: ID!) { unlockAccount(accountId: $id) { id } }', { id });
    expect(latestEvent(await seen(owner))).toBe('ACCOUNT_UNLOCKED');
    expect((await signIn(PASSWORD)).errors).toEqual([]);
  });

  it('resets the setup test', async () => {
    const { owner, batch } = await ownerWithCodes();
    const test = async () => {
      const query = 'mutation($code: String!) { testRecoveryCode(code: $code) { outcome } }';
      return (await ask(query, { code: batch.codes[0] }, owner)).data['testRecoveryCode'].outcome;
    };
    expect(await test()).toBe('VERIFIED');
    const { id, setupVerifiedAt } = await seen(owner);
    expect(setupVerifiedAt).not.toBeNull();
    await done('mutation($id: ID!) { resetSetup(accountId: $id) { id } }', { id });
    const account = await seen(owner);
    expect([account.setupVerifiedAt, latestEvent(account)]).toEqual([null, 'SETUP_RESET']);
    expect(await test()).toBe('VERIFIED');
  });
});
