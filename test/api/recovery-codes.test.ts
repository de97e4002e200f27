import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, signInAsAdmin } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { execute } from '../support/execute.js';
import {
  DeleteBatchDocument,
  DeleteDocument,
  GenerateDocument,
  HistoryDocument,
  type HistoryQueryVariables,
  InvalidateDocument,
  MarkViewedDocument,
  ResetSetupDocument,
  SignInWithCodeDocument,
  TestSetupDocument,
  VerifyDocument,
} from '../support/generated/graphql.js';

const PRINTED = /^(?:[A-HJ-NP-Za-kmnp-z2-9]{6}-){5}[A-HJ-NP-Za-kmnp-z2-9]{6}$/;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

describe('recovery codes over HTTP', () => {
  it('issues ten codes of six groups of six, once in plaintext', async () => {
    const me = await makeAccount(app);
    const { generateRecoveryCodes } = await execute(app, me.token, GenerateDocument, { input: { expiresInDays: 30 } });
    const { batch, codes, copyAvailableUntil } = generateRecoveryCodes;
    expect(codes.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const { code } of codes) expect(code).toMatch(PRINTED);
    expect(new Set(codes.map(({ code }) => code)).size).toBe(10);
    expect(batch).toMatchObject({ number: 1, status: 'ACTIVE', issuedCount: 10, remainingCount: 10, isLow: false });
    expect(Date.parse(copyAvailableUntil as string)).toBeGreaterThan(Date.now());
    expect(batch.account).toEqual({ id: me.id, email: me.email });
  });

  it('notes that the owner has seen them, the first time', async () => {
    const me = await makeAccount(app);
    const { id: batchId } = await issue(app, me);
    const first = await execute(app, me.token, MarkViewedDocument, { batchId });
    const again = await execute(app, me.token, MarkViewedDocument, { batchId });
    expect(Date.parse(first.markRecoveryCodesViewed.viewedAt as string)).toBeLessThanOrEqual(Date.now());
    expect(again.markRecoveryCodesViewed.viewedAt).toBe(first.markRecoveryCodesViewed.viewedAt);
  });

  it('spends a code once, whatever dashes and white space it is typed with', async () => {
    const me = await makeAccount(app);
    const [code = ''] = (await issue(app, me)).codes;
    const first = await execute(app, me.token, VerifyDocument, { code: ` ${code.replaceAll('-', ' ')}\n` });
    expect(first.verifyRecoveryCode).toMatchObject({
      outcome: 'ACCEPTED',
      batch: { usedCount: 1, remainingCount: 9 },
    });
    const second = await execute(app, me.token, VerifyDocument, { code });
    expect(second.verifyRecoveryCode).toEqual({ outcome: 'REJECTED', batch: null });
  });

  it('signs in with a code and says how many are left', async () => {
    const me = await makeAccount(app);
    const [, , , code = ''] = (await issue(app, me)).codes;
    const { signInWithRecoveryCode } = await execute(app, undefined, SignInWithCodeDocument, {
      email: me.email.toUpperCase(),
      code,
    });
    expect(signInWithRecoveryCode).toMatchObject({
      remainingCount: 9,
      session: { method: 'RECOVERY_CODE', isCurrent: true },
      account: { id: me.id, activeBatch: { usedCount: 1 } },
    });
  });

  it('invalidates by plaintext and by id, tells what was so already, and deletes the batch', async () => {
    const me = await makeAccount(app);
    const batch = await issue(app, me);
    const [code = ''] = batch.codes;
    const byCode = await execute(app, me.token, InvalidateDocument, { selector: { code } });
    expect(byCode.invalidateRecoveryCode).toMatchObject({
      outcome: 'DONE',
      batch: { invalidatedCount: 1, remainingCount: 9 },
    });
    const again = await execute(app, me.token, DeleteDocument, { selector: { code } });
    expect(again.deleteRecoveryCode).toMatchObject({ outcome: 'ALREADY_INVALIDATED', batch: { removedCount: 0 } });
    const [row] = await app.database.rows<{ id: string }>(
      'select id from recovery_codes where batch_id = $1 and position = 2',
      [batch.id],
    );
    const byId = await execute(app, me.token, DeleteDocument, { selector: { codeId: row?.id ?? '' } });
    expect(byId.deleteRecoveryCode).toMatchObject({ outcome: 'DONE', batch: { removedCount: 1, remainingCount: 8 } });
    const deleted = await execute(app, me.token, DeleteBatchDocument, { batchId: batch.id });
    expect(deleted.deleteRecoveryCodeBatch.batch).toMatchObject({
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
    const [code = ''] = (await issue(app, me)).codes;
    const test = async (typed: string) =>
      (await execute(app, me.token, TestSetupDocument, { code: typed })).testRecoveryCode;
    expect(await test('wrong')).toEqual({ outcome: 'INVALID_CODE', setupVerifiedAt: null });
    expect((await test(code)).outcome).toBe('VERIFIED');
    expect((await test('garbage')).outcome).toBe('ALREADY_VERIFIED');
    const admin = await signInAsAdmin(app);
    const { resetSetup } = await execute(app, admin.token, ResetSetupDocument, { accountId: me.id });
    expect(resetSetup).toEqual({ setupVerifiedAt: null, activeBatch: { usedCount: 0, remainingCount: 10 } });
  });

  it('pages the history in both directions', async () => {
    const me = await makeAccount(app);
    for (let n = 0; n < 5; n += 1) await issue(app, me);
    const page = async (variables: HistoryQueryVariables) => {
      const answer = await execute(app, me.token, HistoryDocument, variables);
      const { edges, pageInfo, totalCount } = (answer.me as NonNullable<typeof answer.me>).batches;
      return { numbers: edges.map(({ node }) => node.number), ...pageInfo, totalCount };
    };
    const first = await page({ first: 2 });
    expect(first).toMatchObject({ numbers: [5, 4], totalCount: 5, hasNextPage: true, hasPreviousPage: false });
    const next = await page({ first: 2, after: first.endCursor ?? null });
    expect(next).toMatchObject({ numbers: [3, 2], hasNextPage: true, hasPreviousPage: true });
    expect((await page({ last: 1, before: next.startCursor ?? null })).numbers).toEqual([4]);
    expect(await page({ last: 2 })).toMatchObject({ numbers: [2, 1], hasNextPage: false, hasPreviousPage: true });
  });
});
