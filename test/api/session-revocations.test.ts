import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { signInByCode } from '../support/scene.js';
import { connectWs, endSockets } from '../support/ws-client.js';

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp();
  admin = await signInAsAdmin(app);
});
afterAll(async () => {
  endSockets();
  await app.close();
});

const ended = (name: string) => ({ [name]: { acknowledged: true } });

function revoke(by: TestAccount | undefined, id: string): Promise<Answer> {
  return app.post('mutation($id: ID!) { revokeSession(id: $id) { acknowledged } }', { id }, { token: by?.token });
}

function revokeOthers(by: TestAccount | undefined, accountId?: string): Promise<Answer> {
  return app.post(
    'mutation($accountId: ID) { revokeOtherSessions(accountId: $accountId) { acknowledged } }',
    { accountId },
    { token: by?.token },
  );
}

const again = ({ email }: TestAccount) => signIn(app, email, PASSWORD);

async function wordOf({ token }: TestAccount): Promise<string> {
  return (await app.post('{ me { id } }', {}, { token })).code ?? 'let in';
}

const wordsOf = (...of: TestAccount[]) => Promise.all(of.map(wordOf));

/** Of its ended sessions: who ended which. */
const audited = ({ id }: TestAccount) =>
  app.database.rows(
    `select actor_id as by, session_id as "by session", reason as ended from audit_events
     where account_id = $1 and action = 'SESSION_REVOKED' order by reason`,
    [id],
  );

const auditOf = (by: TestAccount, ...of: TestAccount[]) =>
  of
    .map(({ sessionId }) => ({ by: by.id, 'by session': by.sessionId, ended: sessionId }))
    .toSorted((a, b) => (a.ended < b.ended ? -1 : 1));

async function revokedAt({ sessionId }: TestAccount): Promise<unknown> {
  const [row] = await app.database.rows<{ at: unknown }>('select revoked_at as at from sessions where id = $1', [
    sessionId,
  ]);
  return row?.at;
}

describe('ending one session', () => {
  it('ends that one: its access token, its refresh token, its copies of codes and its sockets', async () => {
    const me = await makeAccount(app);
    const lost = await again(me);
    const { id: batchId } = await issue(app, lost);
    const socket = await connectWs(app.url, lost.token);
    const mine = await connectWs(app.url, me.token);
    expect((await revoke(me, lost.sessionId)).data).toEqual(ended('revokeSession'));
    expect(await wordsOf(lost, me)).toEqual(['UNAUTHENTICATED', 'let in']);
    const refreshed = await app.post('mutation($t: String) { refreshSession(refreshToken: $t) { accessToken } }', {
      t: lost.refreshToken,
    });
    expect(refreshed.code).toBe('SESSION_EXPIRED');
    expect(await app.database.rows('select 1 from code_copies where batch_id = $1', [batchId])).toEqual([]);
    expect(await socket.closed()).toMatchObject({ code: 4403 });
    expect(mine.socket.readyState).toBe(mine.socket.OPEN);
    expect(await audited(me)).toEqual(auditOf(me, lost));
  });

  it('ends the one that asks, too, and whatever follows in the same document', async () => {
    const me = await makeAccount(app);
    const both = await app.post(
      'mutation($id: ID!) { one: revokeSession(id: $id) { acknowledged } two: revokeOtherSessions { acknowledged } }',
      { id: me.sessionId },
      { token: me.token },
    );
    expect(both.code).toBe('UNAUTHENTICATED');
    expect(both.errors[0]?.path).toEqual(['two']);
    expect(await wordOf(me)).toBe('UNAUTHENTICATED');
    expect(await audited(me)).toEqual(auditOf(me, me));
  });

  it('is acknowledged once more of one that is over, and changes nothing', async () => {
    const me = await makeAccount(app);
    const [twice, out, over] = [await again(me), await again(me), await again(me)];
    await revoke(me, twice.sessionId);
    await app.post('mutation { signOut { acknowledged } }', {}, { token: out.token });
    await app.database.rows('update sessions set expires_at = now() where id = $1', [over.sessionId]);
    const before = [await revokedAt(twice), await revokedAt(out)];
    for (const { sessionId } of [twice, out, over]) {
      expect((await revoke(me, sessionId)).data).toEqual(ended('revokeSession'));
    }
    expect([await revokedAt(twice), await revokedAt(out), await revokedAt(over)]).toEqual([...before, null]);
    expect(await audited(me)).toEqual(auditOf(me, twice));
  });

  it('is one event when two ask at the same time', async () => {
    const me = await makeAccount(app);
    const lost = await again(me);
    const answers = await Promise.all(Array.from({ length: 6 }, () => revoke(me, lost.sessionId)));
    expect(answers.map(({ data }) => data)).toEqual(Array(6).fill(ended('revokeSession')));
    expect(await audited(me)).toEqual(auditOf(me, lost));
  });

  it('is not found of another, of an unknown one, and of what is no id: all alike', async () => {
    const [me, other] = [await makeAccount(app), await makeAccount(app)];
    const answers = [];
    for (const id of [other.sessionId, admin.sessionId, randomUUID(), me.sessionId.toUpperCase(), 'none', '']) {
      answers.push(await revoke(me, id));
    }
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.code).toBe('NOT_FOUND');
    expect(await wordsOf(other, admin, me)).toEqual(['let in', 'let in', 'let in']);
    expect((await revoke(undefined, other.sessionId)).code).toBe('UNAUTHENTICATED');
  });

  it('is an admin’s to do for anybody, in a session opened by password, with the owner told who', async () => {
    const me = await makeAccount(app);
    const byCode = await signInByCode(app, ADMIN_EMAIL, (await issue(app, admin)).codes[0] as string);
    expect((await revoke(byCode, me.sessionId)).code).toBe('NOT_FOUND');
    expect((await revoke(admin, me.sessionId)).data).toEqual(ended('revokeSession'));
    expect(await wordOf(me)).toBe('UNAUTHENTICATED');
    expect(await audited(me)).toEqual(auditOf(admin, me));
    const owner = await again(me);
    const seen = await app.post(
      '{ me { auditEvents(first: 5) { edges { node { action reason sessionId ipAddress actor { id } } } } } }',
      {},
      { token: owner.token },
    );
    const [event] = seen.data['me'].auditEvents.edges
      .map(({ node }: { node: { action: string } }) => node)
      .filter(({ action }: { action: string }) => action === 'SESSION_REVOKED');
    expect(event).toEqual({
      action: 'SESSION_REVOKED',
      reason: me.sessionId,
      sessionId: null,
      ipAddress: null,
      actor: null,
    });
  });
});

describe('ending the other sessions', () => {
  it('ends all of one’s own but the one that asks, one event each, and nobody else’s', async () => {
    const me = await makeAccount(app);
    const others = [await again(me), await again(me), await again(me)];
    const stranger = await makeAccount(app);
    expect((await revokeOthers(me)).data).toEqual(ended('revokeOtherSessions'));
    expect(await wordsOf(me, ...others, stranger)).toEqual([
      'let in',
      ...others.map(() => 'UNAUTHENTICATED'),
      'let in',
    ]);
    expect(await audited(me)).toEqual(auditOf(me, ...others));
    expect((await revokeOthers(me, me.id)).data).toEqual(ended('revokeOtherSessions'));
    expect(await audited(me)).toHaveLength(3);
    const list = await app.post('{ me { sessions { id isCurrent } } }', {}, { token: me.token });
    expect(list.data['me'].sessions).toEqual([{ id: me.sessionId, isCurrent: true }]);
  });

  it('passes over those that had ended before', async () => {
    const me = await makeAccount(app);
    const [out, over, lost] = [await again(me), await again(me), await again(me)];
    await app.post('mutation { signOut { acknowledged } }', {}, { token: out.token });
    await app.database.rows('update sessions set expires_at = now() where id = $1', [over.sessionId]);
    await revokeOthers(me);
    expect(await audited(me)).toEqual(auditOf(me, lost));
    expect(await revokedAt(over)).toBeNull();
  });

  it('ends all of an account’s for an admin, and the admin’s own but the current one', async () => {
    const me = await makeAccount(app);
    const mine = [me, await again(me)];
    const secondAdmin = await signInAsAdmin(app);
    expect((await revokeOthers(admin, me.id)).data).toEqual(ended('revokeOtherSessions'));
    expect(await wordsOf(...mine, admin, secondAdmin)).toEqual([
      'UNAUTHENTICATED',
      'UNAUTHENTICATED',
      'let in',
      'let in',
    ]);
    expect(await audited(me)).toEqual(auditOf(admin, ...mine));
    await revokeOthers(admin, admin.id);
    expect(await wordsOf(admin, secondAdmin)).toEqual(['let in', 'UNAUTHENTICATED']);
  });

  it('is nobody else’s: FORBIDDEN whether or not there is such an account, NOT_FOUND for an admin', async () => {
    const [me, other] = [await makeAccount(app), await makeAccount(app)];
    const byCode = await signInByCode(app, ADMIN_EMAIL, (await issue(app, admin)).codes[0] as string);
    for (const id of [other.id, randomUUID(), 'none', '']) {
      expect((await revokeOthers(me, id)).code).toBe('FORBIDDEN');
      expect((await revokeOthers(byCode, id)).code).toBe('FORBIDDEN');
    }
    for (const id of [randomUUID(), me.id.toUpperCase(), 'none', '']) {
      expect((await revokeOthers(admin, id)).code).toBe('NOT_FOUND');
    }
    expect((await revokeOthers(undefined, me.id)).code).toBe('UNAUTHENTICATED');
    expect(await wordsOf(me, other)).toEqual(['let in', 'let in']);
  });

  it('comes to one end when sessions end each other', async () => {
    const me = await makeAccount(app);
    const all = [me, await again(me), await again(me), await again(me)];
    const answers = await Promise.all(all.map((session) => revokeOthers(session)));
    for (const { code } of answers) expect([undefined, 'UNAUTHENTICATED']).toContain(code);
    expect(await audited(me)).toHaveLength(new Set((await audited(me)).map(({ ended: id }) => id)).size);
    const left = (await wordsOf(...all)).filter((word) => word === 'let in');
    expect(left.length).toBeLessThanOrEqual(1);
  });
});

describe('an access token', () => {
  it.each([
    ['its session is revoked', (me: TestAccount) => revoke(me, me.sessionId)],
    ['its owner signs out', (me: TestAccount) => app.post('mutation { signOut { acknowledged } }', {}, me)],
    ['an admin ends it', (me: TestAccount) => revoke(admin, me.sessionId)],
    ['an admin ends all', (me: TestAccount) => revokeOthers(admin, me.id)],
  ])('lets nobody in from the moment that %s, with whatever it is asked for', async (_label, end) => {
    const me = await makeAccount(app);
    const { id, codes } = await issue(app, me);
    expect((await end(me)).errors).toEqual([]);
    const asked = [
      '{ me { id } }',
      `mutation { verifyRecoveryCode(code: "${codes[0]}") { outcome } }`,
      `mutation { markRecoveryCodesViewed(batchId: "${id}") { id } }`,
      'mutation { generateRecoveryCodes { batch { id } } }',
      'mutation { signOut { acknowledged } }',
      'mutation { revokeOtherSessions { acknowledged } }',
    ];
    const answers = await Promise.all(asked.map((query) => app.post(query, {}, { token: me.token })));
    expect(answers.map(({ code }) => code)).toEqual(asked.map(() => 'UNAUTHENTICATED'));
    await expect(connectWs(app.url, me.token)).rejects.toBeDefined();
  });
});
