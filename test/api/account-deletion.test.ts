import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  ACKNOWLEDGED,
  type At,
  auditOf,
  codeOfMe,
  confirmEmailChange,
  deleteAccount,
  deleteMyAccount,
  mailWith,
  newEmail,
  plantToken,
  register,
  requestEmailChange,
  requestReset,
  resetPassword,
  trySignIn,
  verifyEmail,
} from '../support/account-operations.js';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_PASSWORD, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { eventually } from '../support/eventually.js';
import { TOGETHER } from '../support/later-app.js';
import { mailbox } from '../support/mailbox.js';
import { signInByCode } from '../support/scene.js';
import { connectWs, endSockets } from '../support/ws-client.js';

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp(TOGETHER);
  admin = await signInAsAdmin(app);
});
afterAll(async () => {
  endSockets();
  await app.close();
});

const as = (token: string, headers = from()): At => ({ on: app, token, headers });

/** Where the person's id or address still stands, but for the audit. */
async function tracesOf({ id, email }: Pick<TestAccount, 'id' | 'email'>): Promise<string[]> {
  const tables = await app.database.rows<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  const found: string[] = [];
  for (const { name } of tables.filter((table) => table.name !== 'audit_events')) {
    const rows = await app.database.rows(`select 1 from "${name}" t where to_jsonb(t)::text ~ $1 limit 1`, [
      `${id}|${email}`,
    ]);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

describe('deleting one’s account', () => {
  it('takes the person and all that is theirs; batches and the audit stay, without them', async () => {
    const me = await makeAccount(app);
    const { id: oldBatch } = await issue(app, me);
    const { id: batchId } = await issue(app, me, 30);
    await app.database.rows(
      `insert into code_mails (batch_id, id, session_id, held_until) values ($1, gen_random_uuid(), $2, now() + interval '1 hour')`,
      [batchId, me.sessionId],
    );
    await requestEmailChange(as(me.token), newEmail());
    await requestReset({ on: app }, me.email);
    const elsewhere = await signIn(app, me.email, PASSWORD);
    await mailbox(app, me.email);

    expect((await deleteMyAccount(as(me.token))).data['deleteMyAccount']).toEqual(ACKNOWLEDGED);
    await mailbox(app, me.email);
    // What was delivered says of whom it was by the id alone, for a week.
    expect(await tracesOf(me)).toEqual(['outbox']);
    expect(await tracesOf({ ...me, id: me.email })).toEqual([]);
    for (const { token } of [me, elsewhere]) expect(await codeOfMe(app, token)).toBe('UNAUTHENTICATED');
    expect((await trySignIn({ on: app }, me.email)).code).toBe('INVALID_CREDENTIALS');

    const batches = await app.database.rows(
      `select id, status, account_id as account, deleted_by as by, issued_count = used_count + invalidated_count + removed_count +
         lapsed_count as "addsUp" from recovery_code_batches where id = any($1) order by number`,
      [[oldBatch, batchId]],
    );
    expect(batches).toEqual([
      { id: oldBatch, status: 'SUPERSEDED', account: null, by: null, addsUp: true },
      { id: batchId, status: 'PENDING_DELETION', account: null, by: null, addsUp: true },
    ]);
    for (const table of ['code_copies', 'code_mails']) {
      expect(await app.database.rows(`select 1 from ${table} where batch_id = $1`, [batchId])).toEqual([]);
    }
    const audit = await auditOf(app, me.id);
    expect(audit.slice(-4)).toEqual([
      'BATCH_MARKED_FOR_DELETION',
      ...[me, elsewhere].map(({ sessionId }) => `SESSION_REVOKED ${sessionId}`),
      'ACCOUNT_DELETED by its owner',
    ]);
  });

  it('lets the purge take its codes, by age as any others', async () => {
    const me = await makeAccount(app);
    const { id } = await issue(app, me);
    await deleteMyAccount(as(me.token));
    await app.database.rows(`update recovery_codes set deleted_at = now() - interval '91 days' where batch_id = $1`, [
      id,
    ]);
    const { data } = await app.post(
      'mutation { runCleanup(input: { task: RECOVERY_CODES }) { status total } }',
      {},
      {
        token: admin.token,
      },
    );
    expect(data['runCleanup']).toEqual({ status: 'SUCCEEDED', total: 10 });
    const [batch] = await app.database.rows('select status from recovery_code_batches where id = $1', [id]);
    expect(batch).toEqual({ status: 'PURGED' });
  });

  it('frees the address, for somebody who starts with nothing', async () => {
    const me = await makeAccount(app);
    await issue(app, me);
    await deleteMyAccount(as(me.token));
    await register({ on: app }, me.email, 'another password, 2 of 2');
    const { token } = await mailWith(app, me.email, /^Confirm your e-mail address/);
    expect((await verifyEmail({ on: app }, token)).errors).toEqual([]);
    const signedIn = await trySignIn({ on: app }, me.email, 'another password, 2 of 2');
    const query = '{ me { id batches { totalCount } auditEvents { edges { node { action } } } } }';
    const { data } = await app.post(query, {}, { token: signedIn.data['signIn'].accessToken });
    expect(data['me'].id).not.toBe(me.id);
    expect(data['me'].batches.totalCount).toBe(0);
    expect(data['me'].auditEvents.edges.map(({ node }: any) => node.action).toSorted()).toEqual([
      'ACCOUNT_REGISTERED',
      'EMAIL_VERIFIED',
      'SIGNED_IN',
    ]);
  });

  it('makes every token useless that was mailed', async () => {
    const me = await makeAccount(app);
    const [reset, change] = [
      await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email }),
      await plantToken(app, { accountId: me.id, purpose: 'EMAIL_CHANGE', email: me.email }),
    ];
    await deleteMyAccount(as(me.token));
    expect((await resetPassword({ on: app }, reset)).code).toBe('INVALID_TOKEN');
    expect((await confirmEmailChange({ on: app }, change)).code).toBe('INVALID_TOKEN');
  });

  it('sends nothing more of what was about to be sent', async () => {
    const me = await makeAccount(app);
    await app.database.rows(
      `insert into outbox (id, topic, payload, due_at) values (gen_random_uuid(), 'account-unlocked', $1, now() + interval '1 hour')`,
      [{ accountId: me.id, at: new Date().toISOString(), ipAddress: null, userAgent: null }],
    );
    await deleteMyAccount(as(me.token));
    expect(
      await app.database.rows(`select 1 from outbox where payload->>'accountId' = $1 and delivered_at is null`, [
        me.id,
      ]),
    ).toEqual([]);
  });

  it('closes the sockets of the account, in every process', async () => {
    const me = await makeAccount(app);
    const beside = await startTestApp({ ...app.settings }, { database: app.database });
    try {
      const clients = [await connectWs(app.url, me.token), await connectWs(beside.url, me.token)];
      const closed = clients.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
      await deleteMyAccount(as(me.token));
      await Promise.all(closed);
      await eventually(async () => (await codeOfMe(beside, me.token)) === 'UNAUTHENTICATED');
    } finally {
      await beside.close();
    }
  });

  it('needs the password: a wrong one is a failed sign-in, and deletes nothing', async () => {
    const me = await makeAccount(app);
    const headers = from(newAddress());
    for (let n = 0; n < 5; n += 1) {
      expect((await deleteMyAccount(as(me.token, headers), 'wrong')).code).toBe('INVALID_CREDENTIALS');
    }
    expect((await deleteMyAccount(as(me.token, headers))).code).toBe('RATE_LIMITED');
    expect(await codeOfMe(app, me.token)).toBeUndefined();
  });

  it('is refused without a password here: an admin can', async () => {
    const me = await makeAccount(app);
    await app.database.rows('update accounts set password_hash = null where id = $1', [me.id]);
    expect((await deleteMyAccount(as(me.token))).code).toBe('FORBIDDEN');
    expect((await deleteAccount(as(admin.token), me.id)).errors).toEqual([]);
  });

  it('is done once, and leaves what follows in the same document to nobody', async () => {
    const me = await makeAccount(app);
    const query = `mutation($p: String!) { deleteMyAccount(currentPassword: $p) { acknowledged } signOut { acknowledged } }`;
    const { errors } = await app.post(query, { p: PASSWORD }, { token: me.token });
    expect(errors.map(({ path, extensions }) => [path, extensions?.['code']])).toEqual([
      [['signOut'], 'UNAUTHENTICATED'],
    ]);
    expect((await deleteMyAccount(as(me.token))).code).toBe('UNAUTHENTICATED');
  });
});

describe('an admin', () => {
  it('deletes any account, by the same steps, where it is meant', async () => {
    const me = await makeAccount(app);
    const { id: batchId } = await issue(app, me);
    expect((await deleteAccount(as(admin.token), me.id, false)).code).toBe('CONFIRMATION_REQUIRED');
    expect(await codeOfMe(app, me.token)).toBeUndefined();
    expect((await deleteAccount(as(admin.token), me.id)).data['deleteAccount']).toEqual(ACKNOWLEDGED);
    expect(await codeOfMe(app, me.token)).toBe('UNAUTHENTICATED');
    const [batch] = await app.database.rows(
      'select status, deleted_by as by from recovery_code_batches where id = $1',
      [batchId],
    );
    expect(batch).toEqual({ status: 'PENDING_DELETION', by: admin.id });
    const [event] = await app.database.rows(
      `select actor_id as actor, reason from audit_events where account_id = $1 and action = 'ACCOUNT_DELETED'`,
      [me.id],
    );
    expect(event).toEqual({ actor: admin.id, reason: 'by an admin' });
    expect((await deleteAccount(as(admin.token), me.id)).code).toBe('NOT_FOUND');
  });

  it.each(['nonsense', '', randomUUID()])('finds none by the id %j', async (id) => {
    expect((await deleteAccount(as(admin.token), id)).code).toBe('NOT_FOUND');
  });

  it('keeps an issuer from bringing its subject back by a token from before; a realm has no such thing', async () => {
    const subjects = [];
    for (const origin of ['issuer:https://id.example.org', 'service:shop']) {
      const [id, externalId] = [randomUUID(), randomUUID()];
      await app.database.rows('insert into accounts (id, origin, external_id) values ($1, $2, $3)', [
        id,
        origin,
        externalId,
      ]);
      expect((await deleteAccount(as(admin.token), id)).errors).toEqual([]);
      subjects.push(externalId);
    }
    const kept = await app.database.rows(
      `select origin, external_id as subject, abs(extract(epoch from not_before - now())) < 60 as now from federated_cutoffs
       where external_id = any($1)`,
      [subjects],
    );
    expect(kept).toEqual([{ origin: 'issuer:https://id.example.org', subject: subjects[0], now: true }]);
  });

  it('is not one in a session by recovery code', async () => {
    const { codes } = await issue(app, admin);
    const { token } = await signInByCode(app, admin.email, codes[0] as string);
    const me = await makeAccount(app);
    expect((await deleteAccount(as(token), me.id)).code).toBe('FORBIDDEN');
  });
});

describe('the last admin', () => {
  async function makeAdmin(): Promise<TestAccount> {
    const account = await makeAccount(app);
    await app.database.rows(`update accounts set role = 'ADMIN' where id = $1`, [account.id]);
    return await signIn(app, account.email, PASSWORD);
  }

  it('cannot be deleted, by whichever way', async () => {
    const answers = [
      await deleteAccount(as(admin.token), admin.id),
      await deleteMyAccount(as(admin.token), ADMIN_PASSWORD),
    ];
    expect(answers.map(({ code }) => code)).toEqual(['CONFLICT', 'CONFLICT']);
    expect(answers[0]?.errors[0]?.message).toContain('create-admin');
    expect(await codeOfMe(app, admin.token)).toBeUndefined();
  });

  it('is left by admins who delete one another, and themselves, all at once', async () => {
    const [a, b, c] = await Promise.all([makeAdmin(), makeAdmin(), makeAdmin()]);
    await app.database.rows(`update accounts set role = 'USER' where id = $1`, [admin.id]);
    try {
      const answers = await Promise.all([
        deleteAccount(as(a.token), b.id),
        deleteAccount(as(b.token), c.id),
        deleteAccount(as(c.token), a.id),
        deleteMyAccount(as(a.token)),
        deleteMyAccount(as(b.token)),
        deleteMyAccount(as(c.token)),
      ]);
      const codes = answers.map(({ code }) => code ?? 'DONE');
      expect(codes.filter((code) => code === 'DONE')).toHaveLength(2);
      for (const code of codes) {
        expect(['DONE', 'CONFLICT', 'NOT_FOUND', 'UNAUTHENTICATED', 'INVALID_CREDENTIALS']).toContain(code);
      }
      expect(await app.database.rows(`select 1 from accounts where role = 'ADMIN'`)).toHaveLength(1);
    } finally {
      await app.database.rows(`update accounts set role = case when id = $1 then 'ADMIN' else 'USER' end`, [admin.id]);
    }
  });
});

describe('a deletion, at the same moment', () => {
  it('as sign-ins leaves no session, and no answer that is a fault', async () => {
    for (let n = 0; n < 3; n += 1) {
      const me = await makeAccount(app);
      const { codes } = await issue(app, me);
      const byCode =
        'mutation($e: String!, $c: String!) { signInWithRecoveryCode(email: $e, code: $c) { accessToken } }';
      const [deleted, ...others] = await Promise.all([
        deleteMyAccount(as(me.token)),
        trySignIn({ on: app }, me.email),
        app.post(byCode, { e: me.email, c: codes[0] }, { headers: from() }),
        app.post(byCode, { e: me.email, c: codes[1] }, { headers: from() }),
      ]);
      expect(deleted.errors).toEqual([]);
      for (const { code } of others) expect([undefined, 'INVALID_CREDENTIALS']).toContain(code);
      expect(await app.database.rows('select 1 from sessions where account_id = $1', [me.id])).toEqual([]);
    }
  });

  it('as spending, issuing, refreshing and changing the password leaves nothing that works', async () => {
    for (let n = 0; n < 3; n += 1) {
      const me = await makeAccount(app);
      const { codes } = await issue(app, me);
      await app.database.rows('update rate_limits set blocked_until = null');
      const token = await plantToken(app, { accountId: me.id, purpose: 'PASSWORD_RESET', email: me.email });
      const post = (query: string, variables = {}) => app.post(query, variables, { token: me.token, headers: from() });
      const answers = await Promise.all([
        post('mutation { generateRecoveryCodes { batch { id } } }'),
        deleteAccount(as(admin.token), me.id),
        post('mutation($c: String!) { verifyRecoveryCode(code: $c) { outcome } }', { c: codes[0] }),
        post('mutation($t: String!) { refreshSession(refreshToken: $t) { accessToken } }', { t: me.refreshToken }),
        resetPassword({ on: app }, token),
        requestEmailChange(as(me.token), newEmail()),
      ]);
      expect(answers[1]?.errors).toEqual([]);
      expect(answers.map(({ text }) => text).join('')).not.toMatch(/INTERNAL_SERVER_ERROR|"UNAVAILABLE"/);
      const left = await app.database.rows(
        `select (select count(*)::int from accounts where id = $1) as accounts,
           (select count(*)::int from sessions where account_id = $1) as sessions,
           (select count(*)::int from recovery_code_batches b join recovery_codes c on c.batch_id = b.id
             where b.account_id is null and (b.status = 'ACTIVE' or c.status = 'ACTIVE')) as working`,
        [me.id],
      );
      expect(left).toEqual([{ accounts: 0, sessions: 0, working: 0 }]);
    }
  });
});
