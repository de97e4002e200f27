import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { issueCodes, makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';
import { holdOutbox, statementsOf } from '../support/statements.js';

let rules: Rules;

beforeAll(async () => {
  rules = await openRules({ MAX_ATTEMPTS: '3' });
  await holdOutbox(rules.database.pool);
});
afterAll(() => rules.close());

interface Issued {
  readonly owner: Owner;
  readonly batchId: string;
  readonly code: string;
  readonly codeId: string;
}

async function issued(owner?: Owner): Promise<Issued> {
  const me = owner ?? (await makeOwner(rules));
  const { id: batchId, codes } = await issueCodes(rules, me);
  const [first] = await rules.database.rows<{ id: string }>(
    'select id from recovery_codes where batch_id = $1 and position = 1',
    [batchId],
  );
  return { owner: me, batchId, code: codes[0] as string, codeId: first?.id as string };
}

const DONE_BY: Readonly<Record<string, (of: Issued) => Promise<unknown>>> = {
  'spending a code': ({ owner: { viewer, origin }, code }) => rules.services.recoveryCodes.verify(viewer, origin, code),
  'a wrong code': ({ owner: { viewer, origin } }) => rules.services.recoveryCodes.verify(viewer, origin, 'wrong'),
  'testing a code': ({ owner: { viewer, origin }, code }) => rules.services.recoveryCodes.test(viewer, origin, code),
  'revoking a code': ({ owner: { viewer, origin }, code }) =>
    rules.services.recoveryCodes.revoke(viewer, origin, { code, to: 'INVALIDATED' }),
  'revoking a code by id': ({ owner: { viewer, origin }, codeId }) =>
    rules.services.recoveryCodes.revoke(viewer, origin, { codeId, to: 'PENDING_DELETION' }),
  'issuing codes': ({ owner: { viewer, origin } }) => rules.services.recoveryCodes.generate(viewer, origin, {}),
};

const COPIED_BY: Readonly<Record<string, (of: Issued) => Promise<unknown>>> = {
  'exporting codes': ({ owner: { viewer, origin }, batchId }) =>
    rules.services.copies.export(viewer, origin, { batchId }),
  'mailing codes': ({ owner: { viewer, origin }, batchId }) => rules.services.copies.email(viewer, origin, batchId),
};

/** How a session can be over without a word of it. */
const ENDED: Readonly<Record<string, string>> = {
  'was revoked': 'update sessions set revoked_at = now() where id = $1',
  'has expired': 'update sessions set expires_at = now() where id = $1',
  'is gone': 'delete from sessions where id = $1',
};

const kept = async ({ owner, batchId }: Issued) => ({
  account: await rules.database.rows('select * from accounts where id = $1', [owner.id]),
  batches: await rules.database.rows('select * from recovery_code_batches where account_id = $1', [owner.id]),
  codes: await rules.database.rows('select * from recovery_codes where batch_id = $1 order by id', [batchId]),
  events: await rules.database.rows('select action from audit_events where account_id = $1 order by id', [owner.id]),
  outbox: await rules.database.rows(`select topic from outbox where payload->>'accountId' = $1 order by id`, [
    owner.id,
  ]),
});

const over = Object.keys(ENDED).flatMap((ended) => Object.keys(DONE_BY).map((what) => [what, ended] as const));

describe('a caller whose session is over, though a cache may not know it yet', () => {
  it.each(over)('%s by it is refused where it %s, and changes and counts nothing', async (what, ended) => {
    const of = await issued();
    const { viewer } = of.owner;
    await rules.database.rows(`update rate_limits set blocked_until = null`);
    await rules.database.rows(ENDED[ended] as string, [viewer.sessionId]);
    const before = await kept(of);
    // More often than wrong codes may be tried.
    for (let n = 0; n < 4; n += 1)
      expect(await outcomeOf(DONE_BY[what]?.(of) as Promise<unknown>)).toBe('UNAUTHENTICATED');
    expect(await kept(of)).toEqual(before);
    const again = { ...of.owner, viewer: { ...viewer, sessionId: randomUUID() } };
    await rules.database.rows(
      `insert into sessions (id, account_id, method, expires_at) values ($1, $2, 'PASSWORD', now() + interval '1 day')`,
      [again.viewer.sessionId, again.id],
    );
    expect(await DONE_BY['spending a code']?.({ ...of, owner: again })).toMatchObject({ outcome: 'ACCEPTED' });
  });

  it.each(Object.keys(COPIED_BY))('%s by it is refused, with the copy still there', async (what) => {
    const of = await issued();
    await rules.database.rows(ENDED['was revoked'] as string, [of.owner.viewer.sessionId]);
    const before = await kept(of);
    expect(await outcomeOf(COPIED_BY[what]?.(of) as Promise<unknown>)).toBe('COPY_UNAVAILABLE');
    expect(await kept(of)).toEqual(before);
    expect(await rules.database.rows('select 1 from code_copies where batch_id = $1', [of.batchId])).toHaveLength(1);
  });
});

describe('checking the session', () => {
  it('costs no statement more: a spend has four', async () => {
    const of = await issued();
    for (const what of ['a wrong code', 'spending a code']) await DONE_BY[what]?.(of);
    const next = await issued(of.owner);
    const sent = await statementsOf(rules.database.pool, () => DONE_BY['spending a code']?.(next) as Promise<unknown>);
    expect(sent).toHaveLength(4);
  });
});
