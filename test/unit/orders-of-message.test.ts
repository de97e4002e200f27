import { describe, expect, it } from '@jest/globals';

import type { OutboxTopic, OutboxTopics } from '../../src/domain/events/outbox-topics.js';
import type { MailFacts } from '../../src/domain/mail/mail-facts.js';
import { type AccountMessage, ordersOfMessage } from '../../src/jobs/orders-of-message.js';

const AT = '2026-11-22T08:00:00.000Z';
const OCCASION = { accountId: 'a', at: AT, ipAddress: '192.0.2.1', userAgent: 'Firefox on Linux' };
const ORIGIN = { at: AT, address: '192.0.2.1', client: 'Firefox on Linux' };
const FACTS: MailFacts = {
  email: 'ada@example.org',
  isVerified: true,
  batchNumber: 2,
  issuedCount: 10,
  removedCount: 0,
  expiresAt: null,
  remaining: 5,
  isDeletedByOwner: true,
  position: 7,
};

function ordersOf<Topic extends OutboxTopic>(
  topic: Topic,
  payload: OutboxTopics[Topic],
  facts: Partial<MailFacts> = {},
) {
  const message = { id: 'm', topic, payload, sealed: null, attempts: 1, lease: 'l' } as unknown as AccountMessage;
  return ordersOfMessage(message, {
    facts: { ...FACTS, ...facts },
    lowThreshold: 3,
    linkWithToken: (page, token) => `${page}#${token}`,
    token: () => 'the-token',
  });
}

/** One payload for each topic that tells the owner of something that happened. */
const NOTICES: { [Topic in OutboxTopic]?: OutboxTopics[Topic] } = {
  'registered-again': OCCASION,
  'password-changed': { ...OCCASION, reason: 'reset' },
  'address-wanted': OCCASION,
  'email-changed': OCCASION,
  'codes-issued': { ...OCCASION, batchId: 'b', isReplacement: true },
  'code-used': { ...OCCASION, batchId: 'b', codeId: 'c', remaining: 5, isSignIn: false },
  'batch-deleted': { ...OCCASION, batchId: 'b', removedCount: 4 },
  'locked-out': { ...OCCASION, credential: 'password', waitSeconds: 60 },
  'attempts-ceiling-passed': { ...OCCASION, credential: 'code', failures: 100 },
  'account-unlocked': OCCASION,
  'refresh-token-reused': OCCASION,
};

describe('The mails that a message leads to', () => {
  it.each(Object.entries(NOTICES) as [OutboxTopic, never][])(
    'are for %s a notice to a verified address, and none to another',
    (topic, payload) => {
      const orders = ordersOf(topic, payload);
      expect(orders).toHaveLength(1);
      expect(orders[0]?.input).toMatchObject({ origin: ORIGIN });
      expect(ordersOf(topic, payload, { isVerified: false })).toEqual([]);
    },
  );

  it('carry their token in the link, and go to an address that is not verified yet', () => {
    const payload = { accountId: 'a', validForSeconds: 600 };
    expect(ordersOf('email-verification-requested', payload, { isVerified: false })).toEqual([
      { template: 'verify-email', input: { link: 'verify-email#the-token', validForSeconds: 600 } },
    ]);
    expect(ordersOf('password-wanted', payload)).toEqual([
      { template: 'set-your-password', input: { link: 'reset-password#the-token', validForSeconds: 600 } },
    ]);
    expect(ordersOf('password-reset-requested', payload, { isVerified: false })).toEqual([
      { template: 'reset-password', input: { link: 'reset-password#the-token', validForSeconds: 600 } },
    ]);
    const wanted = { ...OCCASION, newEmail: 'b@example.org', validForSeconds: 600 };
    const link = 'confirm-email-change#the-token';
    expect(ordersOf('email-change-requested', wanted)).toEqual([
      {
        template: 'confirm-email-change',
        input: { link, validForSeconds: 600, newEmail: 'b@example.org', origin: ORIGIN },
      },
    ]);
  });

  it('remind of a registration only while it waits for its verification', () => {
    const payload = { accountId: 'a', validForSeconds: 600, endsAt: AT };
    expect(ordersOf('registration-reminded', payload, { isVerified: false })).toEqual([
      {
        template: 'registration-expiring',
        input: { link: 'verify-email#the-token', validForSeconds: 600, endsAt: AT },
      },
    ]);
    expect(ordersOf('registration-reminded', payload)).toEqual([]);
  });

  it('are none where only pages have to hear of it', () => {
    expect(ordersOf('batch-changed', { accountId: 'a', batchId: 'b' })).toEqual([]);
  });

  it.each([
    [9, ['code-used']],
    [4, ['code-used']],
    [3, ['code-used', 'codes-low']],
    [2, ['code-used']],
    [0, ['code-used', 'codes-empty']],
  ])('tell, with %i codes left, by %j', (remaining, templates) => {
    const used = { ...OCCASION, batchId: 'b', codeId: 'c', remaining, isSignIn: false };
    expect(ordersOf('code-used', used).map(({ template }) => template)).toEqual(templates);
    const signedIn = ordersOf('code-used', { ...used, isSignIn: true });
    expect(signedIn[0]).toMatchObject({
      template: 'signed-in-by-code',
      input: { remaining, code: { batchNumber: 2, position: 7 } },
    });
    expect(signedIn).toHaveLength(templates.length);
  });

  it('tell of a used code without its place where that was purged meanwhile', () => {
    const used = { ...OCCASION, batchId: 'b', codeId: 'c', remaining: 5, isSignIn: false };
    const [order] = ordersOf('code-used', used, { position: null });
    expect(order?.input).not.toHaveProperty('code');
  });

  it('tell who deleted a batch, and how many usable codes went with it', () => {
    const deleted = { ...OCCASION, batchId: 'b', removedCount: 4 };
    expect(ordersOf('batch-deleted', deleted)[0]?.input).toMatchObject({ by: 'OWNER', removed: 4, batchNumber: 2 });
    expect(ordersOf('batch-deleted', deleted, { isDeletedByOwner: false })[0]?.input).toMatchObject({ by: 'ADMIN' });
    expect(ordersOf('batch-deleted', deleted, { batchNumber: null })).toEqual([]);
  });

  it('tell that codes will expire, while some are left, and a verified address only', () => {
    const expiresAt = new Date('2026-11-29T08:00:00.000Z');
    const orders = (facts: Partial<MailFacts>) =>
      ordersOf('codes-expiring', { accountId: 'a', batchId: 'b' }, { expiresAt, ...facts });
    expect(orders({})).toEqual([{ template: 'codes-expiring', input: { batchNumber: 2, remaining: 5, expiresAt } }]);
    for (const facts of [{ remaining: 0 }, { batchNumber: null }, { expiresAt: null }, { isVerified: false }]) {
      expect(orders(facts)).toEqual([]);
    }
  });

  it('tell of the ceilings and lock-outs of passwords and codes apart', () => {
    const template = (credential: 'password' | 'code') =>
      ordersOf('attempts-ceiling-passed', { ...OCCASION, credential, failures: 100 })[0]?.template;
    expect([template('password'), template('code')]).toEqual(['password-attempts-ceiling', 'code-attempts-ceiling']);
    const input = (credential: 'password' | 'code') =>
      ordersOf('locked-out', { ...OCCASION, credential, waitSeconds: 60 })[0]?.input;
    expect(input('password')).toMatchObject({ credential: 'PASSWORD', waitSeconds: 60 });
    expect(input('code')).toMatchObject({ credential: 'RECOVERY_CODE', waitSeconds: 60 });
  });

  it('tell of issued codes only while their batch is there', () => {
    const issued = { ...OCCASION, batchId: 'b', isReplacement: false };
    expect(ordersOf('codes-issued', issued)[0]?.input).toEqual({
      origin: ORIGIN,
      batchNumber: 2,
      count: 10,
      expiresAt: null,
      isReplacement: false,
    });
    expect(ordersOf('codes-issued', issued, { batchNumber: null, issuedCount: null })).toEqual([]);
  });
});
