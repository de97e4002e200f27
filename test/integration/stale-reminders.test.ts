import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { remindOfStaleAccounts } from '../../src/domain/reminders/stale-accounts.js';
import { cleanUp } from '../support/cleanup.js';
import { emptyTables, makeBatch, makers } from '../support/cleanup-rows.js';
import { relayed } from '../support/relayed.js';
import { openRules, type Rules } from '../support/rules.js';

const DAY = 86_400;
const DAYS = { staleAccountDays: 90, staleReminderDays: 7 };

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());
beforeEach(() => emptyTables(rules.database));

const ago = (days: number) => new Date(Date.now() - days * DAY * 1000);

const account = (days: number, values: Record<string, unknown> = {}) =>
  makers(rules.database).account({ created_at: ago(days), ...values });

interface Message {
  readonly accountId: string;
  readonly endsAt: string;
}

async function told(topic = 'registration-expiring'): Promise<Message[]> {
  const rows = await rules.database.rows<{ payload: Message }>('select payload from outbox where topic = $1', [topic]);
  return rows.map(({ payload }) => payload);
}

describe('the reminder before an unverified account goes', () => {
  it('is for those that UNVERIFIED_ACCOUNTS would take within so many days', async () => {
    const due = [await account(83.01), await account(86), await account(89.9)];
    await account(82.99);
    await account(90.1);
    await account(86, { email_verified_at: ago(1) });
    await account(86, { role: 'ADMIN' });
    await account(86, { origin: 'service:shop', external_id: 'x', email: null, email_key: null });
    await makeBatch(rules.database, { accountId: await account(86), codes: [] });
    expect(await remindOfStaleAccounts(rules.db, DAYS)).toBe(3);
    expect((await told()).map(({ accountId }) => accountId).toSorted()).toEqual(due.toSorted());
  });

  it('names the moment from which the cleanup takes it', async () => {
    const id = await account(85);
    await remindOfStaleAccounts(rules.db, DAYS);
    const [{ endsAt }] = (await told()) as [Message];
    expect(Math.abs(Date.parse(endsAt) - ago(85).getTime() - 90 * DAY * 1000)).toBeLessThan(60_000);
    const seconds = (Date.parse(endsAt) - Date.now()) / 1000;
    expect(await cleanUp(rules.at(seconds - 60), { task: 'UNVERIFIED_ACCOUNTS' })).toMatchObject({ total: 0 });
    expect(await cleanUp(rules.at(seconds + 60), { task: 'UNVERIFIED_ACCOUNTS' })).toMatchObject({ total: 1 });
    expect(await rules.database.rows('select 1 from accounts where id = $1', [id])).toEqual([]);
  });

  it.each([
    [7, [0, 1, 6, 7]],
    [30, [0, 1, 6, 7, 8, 9, 29]],
  ])('comes once, of %d days ahead too, whatever the cleanups take meanwhile', async (staleReminderDays, onDays) => {
    const days = { staleAccountDays: 90, staleReminderDays };
    await account(90 - staleReminderDays + 0.5);
    const counts = [];
    for (const day of onDays) {
      const today = rules.at(day * DAY);
      counts.push(await remindOfStaleAccounts(today.db, days));
      counts.push(await remindOfStaleAccounts(today.db, days));
      await rules.database.rows(
        `update outbox set delivered_at = now() + make_interval(days => $1) where delivered_at is null`,
        [day],
      );
      await cleanUp(today, { task: 'OUTBOX' });
    }
    expect(counts).toEqual([1, ...counts.slice(1).map(() => 0)]);
  });

  it('is told in chunks, of all', async () => {
    await rules.database.rows(
      `insert into accounts (id, email, email_key, created_at)
       select gen_random_uuid(), n || '@example.org', n || '@example.org', now() - interval '85 days' from generate_series(1, 2500) n`,
    );
    expect(await remindOfStaleAccounts(rules.db, DAYS)).toBe(2500);
    expect(await remindOfStaleAccounts(rules.db, DAYS)).toBe(0);
  });

  it('brings a link that verifies, whose password is nobody’s, while the address still waits for it', async () => {
    const waits = await account(85);
    const verifies = await account(85);
    await remindOfStaleAccounts(rules.db, DAYS);
    await rules.database.rows('update accounts set email_verified_at = now() where id = $1', [verifies]);
    await relayed(rules);
    const reminded = await told('registration-reminded');
    expect(reminded).toEqual([expect.objectContaining({ accountId: waits, validForSeconds: DAY })]);
    const tokens = await rules.database.rows(
      'select account_id as account, purpose, password_hash as hash from verification_tokens',
    );
    expect(tokens).toEqual([{ account: waits, purpose: 'EMAIL_VERIFICATION', hash: null }]);
  });
});
