import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { PASSWORD } from '../support/accounts.js';
import { relayed } from '../support/relayed.js';
import { from, openRules, outcomeOf, type Rules } from '../support/rules.js';

let rules: Rules;
beforeAll(async () => {
  rules = await openRules();
});
afterAll(() => rules.close());

const HOUR = 3600;
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

/** An account that waits for its verification; it may be mailed a link on request. */
async function makeWaiting(): Promise<string> {
  const email = `${randomUUID()}@example.org`;
  await rules.database.rows('insert into accounts (id, email, email_key) values ($1, $2, $2)', [randomUUID(), email]);
  return email;
}

/** Asks for a link so many times, one after the other; the answer is always the same. */
async function ask(by: Rules, email: string, { count = 1, from: address = '192.0.2.1' } = {}): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    expect(await by.services.registration.resendVerification(from(address), email)).toBeUndefined();
  }
  await relayed(by);
}

async function mailsTo(...emails: string[]): Promise<number> {
  const [row] = await rules.database.rows<{ count: number }>(
    `select count(*)::int as count from outbox o join accounts a on a.id::text = o.payload->>'accountId'
     where o.topic in ('email-verification-requested', 'registered-again') and a.email = any($1)`,
    [emails],
  );
  return row?.count as number;
}

describe('mails on request', () => {
  it('go to one recipient three times an hour, silently refused beyond', async () => {
    const email = await makeWaiting();
    await ask(rules, email, { count: 5 });
    expect(await mailsTo(email)).toBe(3);
    await ask(rules.at(HOUR - 60), email, { count: 2 });
    expect(await mailsTo(email)).toBe(3);
    await ask(rules.at(HOUR), email, { count: 5 });
    expect(await mailsTo(email)).toBe(6);
  });

  it('go to one recipient ten times a day, whatever address asks and however the recipient is written', async () => {
    const email = await makeWaiting();
    for (const hour of [0, 1, 2, 3, 4, 20]) {
      const by = rules.at(hour * HOUR + 10 * hour);
      await ask(by, hour % 2 === 0 ? email : email.toUpperCase(), { count: 4, from: `192.0.2.${10 + hour}` });
    }
    expect(await mailsTo(email)).toBe(10);
    await ask(rules.at(24 * HOUR), email, { count: 4 });
    expect(await mailsTo(email)).toBe(13);
  });

  it('are sent at the wish of one address twenty times an hour, whoever receives them', async () => {
    const address = '2001:db8:1:1::1';
    const emails = await Promise.all(times(25, makeWaiting));
    for (const email of emails) await ask(rules, email, { from: address });
    expect(await mailsTo(...emails)).toBe(20);
    // The refused ones have used up nothing of their recipients' share.
    const refused = emails.at(-1) as string;
    await ask(rules, refused, { count: 4, from: '2001:db8:1:2::1' });
    expect(await mailsTo(refused)).toBe(3);
    const other = await makeWaiting();
    await ask(rules, other, { from: '2001:db8:1:1:ffff::' });
    expect(await mailsTo(other)).toBe(0);
    await ask(rules.at(HOUR), other, { from: address });
    expect(await mailsTo(other)).toBe(1);
  });

  it('are counted exactly when they are asked for at the same time', async () => {
    const email = await makeWaiting();
    await Promise.all(times(20, (n) => ask(rules, email, { from: `192.0.2.${100 + n}` })));
    expect(await mailsTo(email)).toBe(3);
  });

  it('share one quota, whether registering, asking again or a refused sign-in causes them', async () => {
    const email = `${randomUUID()}@example.org`;
    const at = from('192.0.2.200');
    const { registration, signIn } = rules.services;
    const signInUnverified = async () => {
      expect(await outcomeOf(signIn.withPassword(at, { email, password: PASSWORD }))).toBe('INVALID_CREDENTIALS');
      await relayed(rules);
    };
    await registration.register(at, { email, password: PASSWORD });
    await relayed(rules);
    await ask(rules, email, { from: '192.0.2.200' });
    await signInUnverified();
    expect(await mailsTo(email)).toBe(3);
    await registration.register(at, { email, password: PASSWORD });
    await relayed(rules);
    await ask(rules, email, { from: '192.0.2.200' });
    await signInUnverified();
    expect(await mailsTo(email)).toBe(3);
  });

  it('leave one folded audit event of their refusals, without the address that was typed', async () => {
    const email = await makeWaiting();
    await ask(rules, email, { count: 8, from: '203.0.113.77' });
    const events = await rules.database.rows(
      `select action, reason, count, account_id, to_jsonb(e)::text like $1 as tells from audit_events e
       where ip_address = '203.0.113.77'`,
      [`%${email}%`],
    );
    expect(events).toEqual([{ action: 'RATE_LIMITED', reason: 'SEND_MAIL', count: 5, account_id: null, tells: false }]);
  });
});
