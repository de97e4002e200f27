import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { makeScene } from '../support/scene.js';
import { DOCUMENTS, scheduleInput } from '../support/schedules.js';
import { holdOutbox, statementsOf } from '../support/statements.js';

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '1000' });
  await holdOutbox(app.database.pool);
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

const HISTORY = `query($first: Int) { me { batches(first: $first) { totalCount edges { node {
  number codes { id status } account { id email } deletedBy { id email } } } } } }`;

async function deleteActive(account: TestAccount, by: TestAccount): Promise<void> {
  const { id } = await issue(app, account);
  await app.post(
    'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { id } } }',
    { id },
    { token: by.token },
  );
}

describe('what an answer costs', () => {
  it('is the same number of statements for a page of one batch and of twelve, with codes, accounts and deleters', async () => {
    const me = await makeAccount(app);
    for (let n = 0; n < 4; n += 1) {
      await deleteActive(me, me);
      await deleteActive(me, admin);
      await issue(app, me);
    }
    const costs: string[][] = [];
    for (const first of [1, 2, 6, 12]) {
      const statements = await statementsOf(app.database.pool, async () => {
        const { data, errors } = await app.post(HISTORY, { first }, { token: me.token });
        expect(errors).toEqual([]);
        const { edges, totalCount } = data['me'].batches;
        expect(totalCount).toBe(12);
        expect(edges).toHaveLength(first);
        for (const { node } of edges) expect([node.codes.length, node.account.id]).toEqual([10, me.id]);
        const deleters = edges.map(({ node }: any) => node.deletedBy?.id).filter(Boolean);
        expect(deleters).toEqual(Array.from({ length: Math.floor(first / 3) }, () => me.id));
      });
      costs.push(statements);
    }
    // The account, the page, all codes, all accounts.
    expect(costs.map((statements) => statements.length)).toEqual([4, 4, 4, 4]);
    for (const statements of costs) expect(statements).toEqual(costs[0]);
  });

  const REPORT = 'status counts { count } startedBy { id email } schedule { id name lastReport { id } }';
  const LISTS: Readonly<Record<string, string>> = {
    'reports with who asked for them, their schedules and their batches': `query($first: Int) {
      list: purgeReports(first: $first) { totalCount edges { node { ${REPORT} batches(first: 2) {
        totalCount edges { node { batchId } } } } } } }`,
    'schedules with their last reports and the pages of all': `{ list: cleanupSchedules { name
      lastReport { ${REPORT} } reports(first: 3) { totalCount pageInfo { hasNextPage } edges { node { ${REPORT} } } } } }`,
  };

  it.each(Object.entries(LISTS))('is the same for few and for many %s', async (_what, query) => {
    const costs: string[][] = [];
    for (const [count, first] of [
      [2, 2],
      [20, 30],
    ] as const) {
      await makeScheduleReports(count);
      const statements = await statementsOf(app.database.pool, async () => {
        const variables = query.includes('$first') ? { first } : {};
        const { data, errors } = await app.post(query, variables, { token: admin.token });
        expect(errors).toEqual([]);
        const entries = Array.isArray(data['list']) ? data['list'] : data['list'].edges;
        expect(entries.length).toBeGreaterThanOrEqual(first);
        // Each of them holds what it has to.
        expect(JSON.stringify(entries).split(admin.id).length).toBeGreaterThan(first);
      });
      costs.push(statements);
    }
    expect(costs[0]?.length).toBeGreaterThan(3);
    // What is asked for side by side goes in any order.
    expect(costs[1]?.toSorted()).toEqual(costs[0]?.toSorted());
  });

  /** So many new schedules, each with four reports that the admin asked for, each about three batches. */
  async function makeScheduleReports(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      const { data } = await app.post(DOCUMENTS.create, { input: scheduleInput() }, { token: admin.token });
      await app.database.rows(
        `with made as (
           insert into purge_reports (id, task, trigger, schedule_id, schedule_name, started_by, status, cursor, finished_at)
           select gen_random_uuid(), 'RECOVERY_CODES', 'MANUAL', $1, 'x', $2, 'SUCCEEDED', nextval('purge_report_cursors'), now()
           from generate_series(1, 4) returning id
         )
         insert into purge_report_batches (report_id, batch_id, issued_count, used_count, purged_count, remaining_rows, is_batch_purged)
         select id, gen_random_uuid(), 10, 0, 10, 0, true from made, generate_series(1, 3)`,
        [data['createCleanupSchedule'].id, admin.id],
      );
    }
  }

  it('is the same for few and for many accounts, with all that belongs to each', async () => {
    const EACH = `id activeBatch { id codes { id } } sessions { id } generateCooldown { isActive }
      batches(first: 2) { totalCount edges { node { id deletedBy { id } account { id } codes { id } } } }
      auditEvents(first: 3) { totalCount edges { node { id actor { id } account { id } } } }`;
    for (let n = 21; n >= 10; n -= 1) {
      const me = await makeAccount(app, { email: `one-of-many-${n}@example.org` });
      await deleteActive(me, admin);
      await issue(app, me);
    }
    const costs: string[][] = [];
    for (const first of [2, 12]) {
      const statements = await statementsOf(app.database.pool, async () => {
        const query = `{ accounts(first: ${first}, search: "one-of-many") { totalCount edges { node { ${EACH} } } } }`;
        const { data, errors } = await app.post(query, {}, { token: admin.token });
        expect(errors).toEqual([]);
        expect(data['accounts'].totalCount).toBe(12);
        const accounts = data['accounts'].edges.map(({ node }: any) => node);
        expect(accounts).toHaveLength(first);
        for (const { id, activeBatch, batches, sessions, auditEvents, generateCooldown } of accounts) {
          expect(activeBatch.codes).toHaveLength(10);
          expect(
            batches.edges.map(({ node }: any) => [node.account.id, node.deletedBy?.id, node.codes.length]),
          ).toEqual([
            [id, undefined, 10],
            [id, admin.id, 10],
          ]);
          // Each issue ends the cooldown of the one before.
          expect([sessions.length, generateCooldown.isActive]).toEqual([1, id === accounts[0].id]);
          expect(auditEvents.edges.map(({ node }: any) => node.account.id)).toEqual([id, id, id]);
          expect([batches.totalCount, auditEvents.totalCount]).toEqual([2, 4]);
        }
      });
      costs.push(statements.toSorted());
    }
    // The page and its count; a statement for each field, and for codes and accounts by each way to them.
    expect(costs[0]?.length).toBeLessThanOrEqual(12);
    expect(costs[1]).toEqual(costs[0]);
  });

  it('is not more for one account: a page of its history is one statement', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    const statements = await statementsOf(app.database.pool, () =>
      app.post(HISTORY, { first: 10 }, { token: me.token }),
    );
    expect(statements.filter((text) => text.includes('recovery_code_batches'))).toHaveLength(1);
  });

  it('tells two operations of one document apart: each reads what it left, not what the first had read', async () => {
    const { owner, ...scene } = await makeScene(app, admin);
    const { data, errors } = await app.post(
      `mutation($a: String!, $b: String!) {
        a: verifyRecoveryCode(code: $a) { ...left } b: verifyRecoveryCode(code: $b) { ...left } }
      fragment left on VerifyRecoveryCodePayload { outcome batch { usedCount codes { status } } }`,
      { a: scene.newCode(), b: scene.newCode() },
      { token: owner.token },
    );
    expect(errors).toEqual([]);
    const used = [data['a'], data['b']].map(({ batch }) => ({
      counted: batch.usedCount,
      listed: batch.codes.filter(({ status }: { status: string }) => status === 'USED').length,
    }));
    expect(used).toEqual([
      { counted: 1, listed: 1 },
      { counted: 2, listed: 2 },
    ]);
  });
});
