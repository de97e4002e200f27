import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, signInAsAdmin } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

const BATCH = `batch { id number status issuedCount usedCount invalidatedCount removedCount remainingCount isLow expiresAt viewedAt deletedAt
  account { id email } deletedBy { id } codes { position status usedAt invalidatedAt deletedAt } }`;
const verify = (code: string, token: string) =>
  app.post(`mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome ${BATCH} } }`, { code }, { token });

describe('recovery codes over HTTP', () => {
  it('issues ten codes of six groups of six, once in plaintext', async () => {
    const me = await makeAccount(app);
    const answer = await app.post(
      `mutation { generateRecoveryCodes(input: {expiresInDays: 30}) { ${BATCH} codes { position code } copyAvailableUntil } }`,
      {},
      { token: me.token },
    );
    expect(answer.errors).toEqual([]);
    const { batch, codes, copyAvailableUntil } = answer.data['generateRecoveryCodes'];
    expect(codes).toHaveLength(10);
    expect(codes.map((entry: any) => entry.position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const { code } of codes) expect(code).toMatch(/^(?:[A-HJ-NP-Za-kmnp-z2-9]{6}-){5}[A-HJ-NP-Za-kmnp-z2-9]{6}$/);
    expect(batch).toMatchObject({ number: 1, status: 'ACTIVE', issuedCount: 10, remainingCount: 10, isLow: false });
    expect(Date.parse(copyAvailableUntil)).toBeGreaterThan(Date.now());
    expect(batch.account).toEqual({ id: me.id, email: me.email });
  });

  it('spends a code once, whatever dashes and white space it is typed with', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const typed = ` ${(codes[0] as string).replaceAll('-', ' ')}\n`;
    const first = await verify(typed, me.token);
    expect(first.errors).toEqual([]);
    expect(first.data['verifyRecoveryCode']).toMatchObject({
      outcome: 'ACCEPTED',
      batch: { usedCount: 1, remainingCount: 9 },
    });
    const second = await verify(codes[0] as string, me.token);
    expect(second.data['verifyRecoveryCode']).toEqual({ outcome: 'REJECTED', batch: null });
  });

  it('signs in with a code and says how many are left', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const answer = await app.post(
      `mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) {
        accessToken remainingCount session { method isCurrent } account { id email lastSignedInAt activeBatch { usedCount } } } }`,
      { email: me.email.toUpperCase(), code: codes[3] },
    );
    expect(answer.errors).toEqual([]);
    expect(answer.data['signInWithRecoveryCode']).toMatchObject({
      remainingCount: 9,
      session: { method: 'RECOVERY_CODE', isCurrent: true },
      account: { id: me.id, activeBatch: { usedCount: 1 } },
    });
  });

  it('invalidates by plaintext and by id, tells what was so already, and deletes the batch', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const revoke = (field: string, selector: object) =>
      app.post(
        `mutation($selector: RecoveryCodeSelector!) { ${field}(selector: $selector) { outcome ${BATCH} } }`,
        { selector },
        { token: me.token },
      );
    const byCode = await revoke('invalidateRecoveryCode', { code: batch.codes[0] });
    expect(byCode.data['invalidateRecoveryCode']).toMatchObject({
      outcome: 'DONE',
      batch: { invalidatedCount: 1, remainingCount: 9 },
    });
    const again = await revoke('deleteRecoveryCode', { code: batch.codes[0] });
    expect(again.data['deleteRecoveryCode']).toMatchObject({
      outcome: 'ALREADY_INVALIDATED',
      batch: { removedCount: 0 },
    });
    const [row] = await app.database.rows<{ id: string }>(
      'select id from recovery_codes where batch_id = $1 and position = 2',
      [batch.id],
    );
    const byId = await revoke('deleteRecoveryCode', { codeId: row?.id });
    expect(byId.data['deleteRecoveryCode']).toMatchObject({
      outcome: 'DONE',
      batch: { removedCount: 1, remainingCount: 8 },
    });
    const deleted = await app.post(
      `mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { ${BATCH} } }`,
      { id: batch.id },
      { token: me.token },
    );
    expect(deleted.data['deleteRecoveryCodeBatch'].batch).toMatchObject({
      status: 'PENDING_DELETION',
      issuedCount: 10,
      invalidatedCount: 1,
      removedCount: 9,
      remainingCount: 0,
      deletedBy: { id: me.id },
    });
  });

  it('tests the set-up once and lets an admin reset it', async () => {
    const me = await makeAccount(app);
    const { codes } = await issue(app, me);
    const test = (code: string) =>
      app.post(
        'mutation($code: String!) { testRecoveryCode(code: $code) { outcome setupVerifiedAt } }',
        { code },
        { token: me.token },
      );
    expect((await test('wrong')).data['testRecoveryCode']).toEqual({ outcome: 'INVALID_CODE', setupVerifiedAt: null });
    expect((await test(codes[5] as string)).data['testRecoveryCode'].outcome).toBe('VERIFIED');
    expect((await test('garbage')).data['testRecoveryCode'].outcome).toBe('ALREADY_VERIFIED');
    const admin = await signInAsAdmin(app);
    const reset = await app.post(
      'mutation($id: ID!) { resetSetup(accountId: $id) { setupVerifiedAt activeBatch { usedCount remainingCount } } }',
      { id: me.id },
      { token: admin.token },
    );
    expect(reset.data['resetSetup']).toEqual({
      setupVerifiedAt: null,
      activeBatch: { usedCount: 0, remainingCount: 10 },
    });
  });

  it('pages the history in both directions', async () => {
    const me = await makeAccount(app);
    for (let n = 0; n < 5; n += 1) await issue(app, me);
    const page = async (args: string) => {
      const answer = await app.post(
        `{ me { batches${args} { totalCount edges { cursor node { number status } } pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } } }`,
        {},
        { token: me.token },
      );
      expect(answer.errors).toEqual([]);
      return answer.data['me'].batches;
    };
    const first = await page('(first: 2)');
    expect(first).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: true, hasPreviousPage: false } });
    expect(first.edges.map((edge: any) => edge.node.number)).toEqual([5, 4]);
    const next = await page(`(first: 2, after: "${first.pageInfo.endCursor}")`);
    expect(next.edges.map((edge: any) => edge.node.number)).toEqual([3, 2]);
    expect(next.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    const back = await page(`(last: 1, before: "${next.pageInfo.startCursor}")`);
    expect(back.edges.map((edge: any) => edge.node.number)).toEqual([4]);
    const oldest = await page('(last: 2)');
    expect(oldest.edges.map((edge: any) => edge.node.number)).toEqual([2, 1]);
    expect(oldest.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });
});
