import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { issueToken } from '../../src/domain/accounts/verification-tokens.js';
import type { Database } from '../../src/domain/database.js';
import { pendingMessages } from '../../src/domain/events/outbox.js';
import type { OutboxDraft } from '../../src/domain/events/outbox-topics.js';
import { raise } from '../../src/domain/events/raise.js';
import type { MailOrder, MailPort } from '../../src/domain/mail/mail-port.js';
import { OutboxRelay } from '../../src/jobs/outbox-relay.js';
import { PASSWORD } from '../support/accounts.js';
import { adminUrl } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { unloggedMails } from '../support/relayed.js';
import { from, issueCodes, makeOwner, openRules, type Owner, type Rules } from '../support/rules.js';

let rules: Rules;
let me: Owner;
const relays: OutboxRelay[] = [];

beforeAll(async () => {
  rules = await openRules();
});
beforeEach(async () => {
  await rules.database.rows('delete from outbox');
  me = await makeOwner(rules);
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()));
});
afterAll(async () => {
  await rules.close();
});

interface Sent {
  readonly template: MailOrder['template'];
  readonly to: string;
  readonly key: string;
  readonly link: string | undefined;
}

/** A post office that keeps what it is given, or does with it what a test says. */
class PostOffice implements MailPort {
  readonly sent: Sent[] = [];
  tried = 0;
  handle: (order: MailOrder) => Promise<void> = async () => undefined;

  async send(order: MailOrder, { to, key }: { to: string; key: string }): Promise<void> {
    this.tried += 1;
    await this.handle(order);
    const link = 'link' in order.input ? order.input.link : undefined;
    this.sent.push({ template: order.template, to, key, link });
  }

  subjectOf({ template }: MailOrder): string {
    return template;
  }

  linkWithToken(page: string, token: string): string {
    return `http://localhost/${page}#token=${token}`;
  }
}

interface Running {
  readonly post: PostOffice;
  readonly relay: OutboxRelay;
  readonly faults: { topic: string | undefined; error: unknown }[];
}

function start(on = rules, post = new PostOffice()): Running {
  const faults: Running['faults'] = [];
  const relay = new OutboxRelay({
    db: on.db,
    keyring: on.keyring,
    mail: post,
    mails: unloggedMails(on.db, post),
    lowThreshold: 3,
    adminEmail: 'admin@localhost',
    pendingRegistrations: on.services.pendingRegistrations,
    pendingPasswordResets: on.services.pendingPasswordResets,
    pendingEmailChanges: on.services.pendingEmailChanges,
    jobs: { queueReportMail: async () => undefined, queueCodeMail: async () => undefined },
    onFault: (fault) => void faults.push(fault),
  });
  relays.push(relay);
  relay.start();
  return { post, relay, faults };
}

function notice({ id: accountId }: { readonly id: string } = me): OutboxDraft {
  const payload = { accountId, at: new Date().toISOString(), ipAddress: null, userAgent: null };
  return { topic: 'account-unlocked', payload };
}

function order(messages: readonly OutboxDraft[], db: Database = rules.db): Promise<void> {
  return raise(db, [], messages);
}

/** A message that carries a secret: the link for an account that waits for its verification. */
async function orderLink(email = `${randomUUID()}@example.org`): Promise<void> {
  const accountId = randomUUID();
  await rules.database.rows('insert into accounts (id, email, email_key) values ($1, $2, $2)', [accountId, email]);
  const token = { accountId, purpose: 'EMAIL_VERIFICATION', emailKey: email, ttlSeconds: 86_400 } as const;
  const sealed = await issueToken(rules.db, rules.keyring, token);
  const payload = { accountId, validForSeconds: 86_400 };
  await order([{ topic: 'email-verification-requested', payload, sealed }]);
}

interface OutboxRow {
  readonly id: string;
  readonly topic: string;
  readonly attempts: number;
  readonly isDelivered: boolean;
  readonly isFailed: boolean;
  readonly isSealed: boolean;
  readonly lastError: string | null;
  readonly dueInSeconds: number;
}

function outbox(): Promise<OutboxRow[]> {
  return rules.database.rows<OutboxRow>(
    `select id, topic, attempts, delivered_at is not null as "isDelivered", failed_at is not null as "isFailed",
      sealed is not null as "isSealed", last_error as "lastError",
      extract(epoch from due_at - clock_timestamp())::float8 as "dueInSeconds"
     from outbox order by created_at, id`,
  );
}

async function whenWorkedOff(): Promise<OutboxRow[]> {
  await eventually(async () => (await outbox()).every((row) => row.isDelivered || row.isFailed));
  return await outbox();
}

describe('the outbox relay', () => {
  it('delivers what a transaction wrote once it has committed, and never what one took back', async () => {
    const { post, relay } = start();
    const other = await makeOwner(rules);
    await rules.db.transaction().execute(async (tx) => {
      await order([notice()], tx);
      relay.wake();
      await order([notice(other)]);
      relay.wake();
      await eventually(() => post.sent.length > 0);
      expect(post.sent.map(({ to }) => to)).toEqual([other.email]);
    });
    relay.wake();
    await eventually(() => post.sent.length === 2);
    expect(post.sent[1]?.to).toBe(me.email);

    const takenBack = rules.db.transaction().execute(async (tx) => {
      await order([notice()], tx);
      throw new Error('taken back');
    });
    await expect(takenBack).rejects.toThrow('taken back');
    await order([notice(other)]);
    relay.wake();
    await eventually(() => post.sent.length === 3);
    expect(post.sent[2]?.to).toBe(other.email);
    expect(await outbox()).toHaveLength(3);
  });

  it('finds messages by itself, without being woken', async () => {
    const { post } = start();
    await order([notice()]);
    await eventually(() => post.sent.length === 1, 3_000);
  });

  it('mails the token that a message carries and wipes it then', async () => {
    const email = `${randomUUID()}@example.org`;
    await rules.services.registration.register(from('198.51.100.1'), { email, password: PASSWORD });
    expect(await outbox()).toMatchObject([{ topic: 'registration-requested', isSealed: true }]);
    const { post } = start();
    // Delivering the first message writes the second, which is delivered in the same go.
    const worked = { isDelivered: true, isSealed: false, attempts: 1 };
    expect(await whenWorkedOff()).toMatchObject([
      { ...worked, topic: 'registration-requested' },
      { ...worked, topic: 'email-verification-requested' },
    ]);
    expect(post.sent).toHaveLength(1);
    const [mail] = post.sent;
    expect(mail).toMatchObject({ template: 'verify-email', to: email });
    const token = /#token=([\w-]{43})$/.exec(mail?.link ?? '')?.[1] as string;
    await rules.services.registration.verifyEmail({ kind: 'anonymous' }, from(), { token, password: PASSWORD });
  });

  it('puts off what cannot be delivered yet, longer each time, keeps its secret, and tells it under the same name', async () => {
    const email = `${randomUUID()}@example.org`;
    await orderLink(email);
    let passed = 0;
    for (const [attempt, wait] of [5, 10, 20].entries()) {
      const { post, relay, faults } = start(rules.at(passed));
      post.handle = () => Promise.reject(new Error(`421 try again, ${email}`));
      await eventually(() => faults.length === 1);
      relay.wake();
      await relay.stop();
      expect(post.tried).toBe(1);
      const [row] = await outbox();
      expect(row).toMatchObject({
        attempts: attempt + 1,
        isDelivered: false,
        isFailed: false,
        isSealed: true,
        lastError: 'It could not be delivered yet.',
      });
      expect((row?.dueInSeconds ?? 0) - passed).toBeGreaterThan(wait - 3);
      expect((row?.dueInSeconds ?? 0) - passed).toBeLessThanOrEqual(wait);
      passed += wait;
    }
    const { post } = start(rules.at(passed));
    const [row] = await whenWorkedOff();
    expect(row).toMatchObject({ attempts: 4, isDelivered: true, isSealed: false, lastError: null });
    expect(post.sent.map(({ key }) => key)).toEqual([`${row?.id}.verify-email`]);
  });

  it('gives up after the sixteenth attempt and wipes the secret', async () => {
    await orderLink();
    await rules.database.rows('update outbox set attempts = 14');
    const failing = new PostOffice();
    failing.handle = () => Promise.reject(new Error('not now'));
    const { relay, faults } = start(rules, failing);
    await eventually(() => faults.length === 1);
    await relay.stop();
    expect(await outbox()).toMatchObject([{ attempts: 15, isFailed: false, isSealed: true }]);
    expect((await outbox())[0]?.dueInSeconds).toBeGreaterThan(21_590);
    start(rules.at(21_600), failing);
    expect(await whenWorkedOff()).toMatchObject([
      { attempts: 16, isFailed: true, isDelivered: false, isSealed: false },
    ]);
    expect(await pendingMessages(rules.db)).toBe(0);
  });

  it('gives up at once what was refused for good, and goes on with the rest', async () => {
    await orderLink();
    await order([notice()]);
    const post = new PostOffice();
    post.handle = ({ template }) =>
      template === 'verify-email'
        ? Promise.reject(Object.assign(new Error('550 no such user'), { isPermanent: true }))
        : Promise.resolve();
    start(rules, post);
    expect(await whenWorkedOff()).toMatchObject([
      { isFailed: true, isDelivered: false, isSealed: false, attempts: 1, lastError: 'It was refused for good.' },
      { isFailed: false, isDelivered: true },
    ]);
    expect(post.sent.map(({ template }) => template)).toEqual(['account-unlocked']);
  });

  it('shares the work with other relays: each message is delivered once', async () => {
    await order(Array.from({ length: 120 }, () => notice()));
    const processes = [start(), start(rules.with({})), start(rules.with({}))];
    await whenWorkedOff();
    const keys = processes.flatMap(({ post }) => post.sent.map(({ key }) => key));
    expect(keys).toHaveLength(120);
    expect(new Set(keys).size).toBe(120);
    expect(processes.filter(({ post }) => post.sent.length > 0).length).toBeGreaterThan(1);
  });

  it('delivers again, under the same name, what a process took and did not end', async () => {
    await order([notice()]);
    const [message] = await outbox();
    const died = start();
    died.post.handle = () => new Promise(() => undefined);
    relays.splice(0);
    await eventually(() => died.post.tried === 1);
    const soon = start(rules.at(170));
    soon.relay.wake();
    await soon.relay.stop();
    expect(soon.post.tried).toBe(0);
    const { post } = start(rules.at(185));
    expect(await whenWorkedOff()).toMatchObject([{ attempts: 2, isDelivered: true }]);
    expect(post.sent.map(({ key }) => key)).toEqual([`${message?.id}.account-unlocked`]);
  });

  it('at the stop ends the delivery under way and gives back the rest at once', async () => {
    await order(Array.from({ length: 5 }, () => notice()));
    const { post, relay } = start();
    let release = () => undefined as void;
    post.handle = () => new Promise((resolve) => (release = resolve));
    await eventually(() => post.tried === 1);
    const stopped = relay.stop();
    release();
    await stopped;
    const rows = await outbox();
    expect(rows.filter(({ isDelivered }) => isDelivered)).toHaveLength(1);
    const rest = rows.filter(({ isDelivered }) => !isDelivered);
    expect(rest.map(({ attempts, dueInSeconds }) => [attempts, dueInSeconds <= 0])).toEqual(
      Array.from({ length: 4 }, () => [0, true]),
    );
    const next = start();
    await whenWorkedOff();
    expect(next.post.sent).toHaveLength(4);
  });

  it('tells listening processes, by id and after the commit, of batches that changed', async () => {
    const heard: (string | undefined)[] = [];
    const client = new pg.Client({ connectionString: rules.database.url });
    await client.connect();
    client.on(
      'notification',
      ({ channel, payload }) => void (channel === 'sparekey_batch_changed' && heard.push(payload)),
    );
    await client.query('listen sparekey_batch_changed');
    try {
      const { relay } = start();
      const { id, codes } = await issueCodes(rules, me);
      relay.wake();
      await eventually(() => heard.length === 1);
      expect(heard).toEqual([id]);
      await rules.services.recoveryCodes.verify(me.viewer, me.origin, codes[0] as string);
      await rules.services.recoveryCodes.revoke(me.viewer, me.origin, { code: codes[1] ?? null, to: 'INVALIDATED' });
      relay.wake();
      await eventually(() => heard.length === 3);
      const second = await issueCodes(rules, me);
      relay.wake();
      await eventually(() => heard.length === 5);
      expect(heard.slice(0, 3)).toEqual([id, id, id]);
      expect(new Set(heard.slice(3))).toEqual(new Set([id, second.id]));
    } finally {
      await client.end();
    }
  });

  it('notifies verified addresses only, and nobody of an account that is gone', async () => {
    const [unverified, gone] = [await makeOwner(rules), await makeOwner(rules)];
    await rules.database.rows('update accounts set email_verified_at = null where id = $1', [unverified.id]);
    await rules.database.rows('delete from accounts where id = $1', [gone.id]);
    await order([notice(unverified), notice(gone), notice()]);
    const { post } = start();
    expect(await whenWorkedOff()).toHaveLength(3);
    expect(post.sent.map(({ to }) => to)).toEqual([me.email]);
  });

  it('tells that codes will expire, once, and only while some of them are left and it has not happened yet', async () => {
    const owners = { told: me, replaced: await makeOwner(rules), spent: await makeOwner(rules) };
    const late = await makeOwner(rules);
    const days = 3;
    const batchOf = async (owner: Owner) => (await issueCodes(rules, owner, days)).id;
    const expiring = async (owner: Owner, batchId: string): Promise<OutboxDraft> => ({
      topic: 'codes-expiring',
      payload: { accountId: owner.id, batchId },
      uniqueKey: `expiring/${batchId}`,
    });
    const told = await expiring(owners.told, await batchOf(owners.told));
    const replaced = await expiring(owners.replaced, await batchOf(owners.replaced));
    await issueCodes(rules, owners.replaced, days);
    const { id: spentId, codes } = await issueCodes(rules, owners.spent, days);
    for (const code of codes) await rules.services.recoveryCodes.verify(owners.spent.viewer, from(), code);
    const spent = await expiring(owners.spent, spentId);
    const expired = await expiring(late, await batchOf(late));
    await rules.database.rows('delete from outbox');
    await order([told, told, replaced, spent]);
    const { post, relay } = start();
    await whenWorkedOff();
    expect(post.sent.map(({ template, to }) => [template, to])).toEqual([['codes-expiring', me.email]]);
    await relay.stop();
    await order([expired]);
    const after = start(rules.at(days * 86_400 + 1));
    await whenWorkedOff();
    expect(after.post.sent).toEqual([]);
  });

  it('outlives a database that goes away, and goes on when it is back', async () => {
    const name = new URL(rules.database.url).pathname.slice(1);
    const operator = new pg.Client({ connectionString: adminUrl() });
    await operator.connect();
    try {
      const { post, faults } = start();
      await order([notice()]);
      await eventually(() => post.sent.length === 1);
      await operator.query(`alter database ${name} with allow_connections false`);
      await operator.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
      await eventually(() => faults.length >= 2);
      expect(faults.every(({ topic }) => topic === undefined)).toBe(true);
      await operator.query(`alter database ${name} with allow_connections true`);
      await order([notice()]);
      await eventually(() => post.sent.length === 2, 5_000);
    } finally {
      await operator.query(`alter database ${name} with allow_connections true`);
      await operator.end();
    }
  });
});
