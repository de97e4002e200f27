import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import PostalMime from 'postal-mime';
import { CodeMailing } from '../../src/domain/copies/code-mailing.js';
import { Copies, type CopiesParts } from '../../src/domain/copies/copies.js';
import { Limiter } from '../../src/domain/limits/limiter.js';
import { noMeter } from '../../src/domain/meter.js';
import { renderCodeFile } from '../../src/files/render-code-file.js';
import { auditOf } from '../support/batch-rows.js';
import { from, issueCodes, makeOwner, openRules, outcomeOf, type Owner, type Rules } from '../support/rules.js';
import { openScriptedSmtp, type ScriptedSmtp, type Fault } from '../support/scripted-smtp.js';

let smtp: ScriptedSmtp;
let rules: Rules;
let queued: Rules;
beforeAll(async () => {
  smtp = await openScriptedSmtp();
  rules = await openRules({ SMTP_URL: smtp.url });
  queued = rules.with({ MAIL_MODE: 'queued' });
});
afterEach(() => void (smtp.faults.length = 0));
afterAll(async () => {
  await rules.close();
  await smtp.close();
});

interface Scene {
  readonly owner: Owner;
  readonly id: string;
  readonly codes: readonly string[];
}

let made = 0;
/** From an address of its own, of which few mails have been asked for. */
async function makeScene(): Promise<Scene> {
  made += 1;
  const owner = await makeOwner(rules, { origin: from(`198.51.100.${made}`) });
  return { owner, ...(await issueCodes(rules, owner)) };
}

const exported = ({ owner, id }: Scene, by: Rules = rules, format: 'TXT' | 'CSV' | 'JSON' | 'PDF' = 'TXT') =>
  by.services.copies.export(owner.viewer, owner.origin, { batchId: id, format });
const mailed = ({ owner, id }: Scene, by: Rules = rules) => by.services.copies.email(owner.viewer, owner.origin, id);
const signOut = ({ owner }: Scene) => rules.services.signIn.signOut(owner.viewer, owner.origin);

/** In words: what the batch says, whether its copy is there, and whether a mail of it is under way. */
async function stateOf({ id }: Scene): Promise<string> {
  const [row] = await rules.database.rows<Record<'exported' | 'emailed' | 'copy' | 'held', boolean>>(
    `select exported_at is not null as exported, emailed_at is not null as emailed,
       exists (select from code_copies where batch_id = b.id) as copy,
       exists (select from code_mails where batch_id = b.id) as held
     from recovery_code_batches b where id = $1`,
    [id],
  );
  return Object.entries(row ?? {})
    .filter(([, isSo]) => isSo)
    .map(([word]) => word)
    .join(' ');
}

/** The mails to an owner that a server has kept, as text. */
async function arrived({ owner }: Scene): Promise<string[]> {
  const mails = await Promise.all(smtp.kept.map((raw) => PostalMime.parse(raw)));
  return mails.filter(({ to }) => to?.[0]?.address === owner.email).map(({ text = '' }) => text);
}

async function attempt({ id }: Scene, isLastAttempt = false, by: Rules = rules): Promise<unknown> {
  const [mail] = await rules.database.rows<{ id: string }>('select id from code_mails where batch_id = $1', [id]);
  return await outcomeOf(
    by.services.codeMailing.attempt({ batchId: id, mailId: mail?.id ?? randomUUID() }, { isLastAttempt }),
  );
}

const counted = (outcomes: readonly unknown[]) => {
  const words = outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : 'done'));
  return Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]));
};
const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));

describe('exporting codes', () => {
  it.each(['TXT', 'CSV', 'JSON', 'PDF'] as const)('as %s gives the file once, and leaves its event', async (format) => {
    const scene = await makeScene();
    const { file, batch } = await exported(scene, rules, format);
    expect(file.name).toBe(`recovery_codes.${format.toLowerCase()}`);
    expect(batch.exportedAt).toBeInstanceOf(Date);
    if (format === 'TXT') expect(file.bytes.toString()).toBe(`${scene.codes.join('\n')}\n`);
    expect(await outcomeOf(exported(scene))).toBe('ALREADY_EXPORTED');
    expect(await stateOf(scene)).toBe('exported copy');
    expect(await auditOf(rules.database, scene.owner.id)).toEqual({ CODES_GENERATED: 1, CODES_EXPORTED: 1 });
  });

  it('goes by EXPORT_FORMAT and EXPORT_FILE_NAME', async () => {
    const scene = await makeScene();
    const { viewer, origin } = scene.owner;
    const by = rules.with({ EXPORT_FORMAT: 'json', EXPORT_FILE_NAME: 'my-codes' });
    const { file } = await by.services.copies.export(viewer, origin, { batchId: scene.id });
    expect([file.name, file.mediaType]).toEqual(['my-codes.json', 'application/json']);
    expect(JSON.parse(file.bytes.toString())).toMatchObject({ account: scene.owner.email, batchNumber: 1 });
  });

  it('is won by one of 50 at once', async () => {
    const scene = await makeScene();
    const other = rules.at(0);
    const outcomes = await Promise.all([
      times(25, () => outcomeOf(exported(scene))),
      times(25, () => outcomeOf(exported(scene, other))),
    ]);
    expect(counted(outcomes.flat())).toEqual({ done: 1, ALREADY_EXPORTED: 49 });
    expect((await auditOf(rules.database, scene.owner.id))['CODES_EXPORTED']).toBe(1);
  });

  it('uses nothing up where the file cannot be made', async () => {
    const scene = await makeScene();
    const { config } = rules;
    const parts: CopiesParts = {
      settings: config,
      keyring: rules.keyring,
      limiter: new Limiter(rules.db, rules.keyring, { limits: config.limits, meter: noMeter }),
      mailing: new CodeMailing(rules.db, { keyring: rules.keyring, mails: rules.mails }),
      render: () => Promise.reject(new Error('out of ink')),
    };
    const { viewer, origin } = scene.owner;
    const broken = new Copies(rules.db, parts);
    await expect(broken.export(viewer, origin, { batchId: scene.id })).rejects.toThrow('out of ink');
    expect(await stateOf(scene)).toBe('copy');
    const mended = new Copies(rules.db, { ...parts, render: renderCodeFile });
    expect((await mended.export(viewer, origin, { batchId: scene.id })).file.bytes.length).toBeGreaterThan(0);
  });
});

/** What takes a copy from the one who asks, and what exporting and mailing answer then. */
const TAKEN: readonly (readonly [string, (scene: Scene) => Promise<Scene>, string])[] = [
  ['for an unknown batch', async (scene) => ({ ...scene, id: randomUUID() }), 'NOT_FOUND'],
  ['for an id that is none', async (scene) => ({ ...scene, id: 'x' }), 'NOT_FOUND'],
  ['to another account', async (scene) => ({ ...scene, owner: await makeOwner(rules) }), 'NOT_FOUND'],
  ['to an admin', async (scene) => ({ ...scene, owner: await makeOwner(rules, { role: 'ADMIN' }) }), 'NOT_FOUND'],
  [
    'to another session of the account',
    async (scene) => {
      const sessionId = randomUUID();
      await rules.database.rows(
        `insert into sessions (id, account_id, method, expires_at) values ($1, $2, 'PASSWORD', now() + interval '1 day')`,
        [sessionId, scene.owner.id],
      );
      return { ...scene, owner: { ...scene.owner, viewer: { ...scene.owner.viewer, sessionId } } };
    },
    'COPY_UNAVAILABLE',
  ],
  ['after signing out', (scene) => after(scene, signOut(scene)), 'COPY_UNAVAILABLE'],
  ['of a batch that was superseded', (scene) => after(scene, issueCodes(rules, scene.owner)), 'COPY_UNAVAILABLE'],
  [
    'of a batch that was deleted',
    (scene) => after(scene, rules.services.recoveryCodes.deleteBatch(scene.owner.viewer, scene.owner.origin, scene.id)),
    'COPY_UNAVAILABLE',
  ],
  [
    'when the table was lost in a crash',
    (scene) => after(scene, rules.database.rows('delete from code_copies where batch_id = $1', [scene.id])),
    'COPY_UNAVAILABLE',
  ],
];

async function after(scene: Scene, done: Promise<unknown>): Promise<Scene> {
  await done;
  return scene;
}

describe('a copy is not given', () => {
  it.each(TAKEN)('%s', async (_when, taken, code) => {
    const scene = await taken(await makeScene());
    expect([await outcomeOf(exported(scene)), await outcomeOf(mailed(scene))]).toEqual([code, code]);
    expect(await arrived(scene)).toEqual([]);
  });

  it('after COPY_TTL_SECONDS, nor a second before it is over does it fail', async () => {
    const [early, late] = [await makeScene(), await makeScene()];
    expect(await outcomeOf(exported(early, rules.at(1790)))).toMatchObject({ batch: { number: 1 } });
    expect(await outcomeOf(exported(late, rules.at(1801)))).toBe('COPY_UNAVAILABLE');
    expect(await outcomeOf(mailed(late, rules.at(1801)))).toBe('COPY_UNAVAILABLE');
  });
});

describe('mailing codes', () => {
  it('brings all of them to the verified address, once, and says so', async () => {
    const scene = await makeScene();
    const { batch, message } = await mailed(scene);
    expect(message).toBe('Your recovery codes email has been successfully delivered.');
    expect(batch.emailedAt).toBeInstanceOf(Date);
    const [text, ...more] = await arrived(scene);
    expect(more).toEqual([]);
    for (const code of scene.codes) expect(text).toContain(code);
    expect(await outcomeOf(mailed(scene))).toBe('ALREADY_EMAILED');
    expect(await stateOf(scene)).toBe('emailed copy');
    expect(await auditOf(rules.database, scene.owner.id)).toEqual({ CODES_GENERATED: 1, CODES_EMAILED: 1 });
  });

  it('and exporting are independent, in either order, and wipe the copy together', async () => {
    const [first, second] = [await makeScene(), await makeScene()];
    await exported(first);
    await mailed(first);
    await mailed(second);
    await exported(second);
    expect([await stateOf(first), await stateOf(second)]).toEqual(['exported emailed', 'exported emailed']);
  });

  it('is won by one of 50 at once, and counts as one mail', async () => {
    const scene = await makeScene();
    expect(counted(await times(50, () => outcomeOf(mailed(scene))))).toEqual({ done: 1, ALREADY_EMAILED: 49 });
    expect(await arrived(scene)).toHaveLength(1);
    for (const _more of [1, 2]) {
      const next = { owner: scene.owner, ...(await issueCodes(rules, scene.owner)) };
      expect(await outcomeOf(mailed(next))).toMatchObject({ batch: { status: 'ACTIVE' } });
    }
    const fourth = { owner: scene.owner, ...(await issueCodes(rules, scene.owner)) };
    expect(await outcomeOf(mailed(fourth))).toBeGreaterThan(3000);
    expect(await stateOf(fourth)).toBe('copy');
    expect(await auditOf(rules.database, scene.owner.id)).toMatchObject({ CODES_EMAILED: 3, RATE_LIMITED: 1 });
  });

  it('is refused where it is switched off, and to an account without a verified address', async () => {
    const scene = await makeScene();
    expect(await outcomeOf(mailed(scene, rules.with({ EMAIL_COPY_ENABLED: 'false' })))).toBe('MAIL_DISABLED');
    await rules.database.rows('update accounts set email_verified_at = null where id = $1', [scene.owner.id]);
    expect(await outcomeOf(mailed(scene))).toBe('MAIL_DISABLED');
    expect(await stateOf(scene)).toBe('copy');
  });
});

const NOTHING_ARRIVES: readonly Fault[] = [
  { at: 'RCPT', deed: { say: '450 later' } },
  { at: 'RCPT', deed: { say: '550 nobody here' } },
  { at: 'DATA', deed: 'drop' },
  { at: 'message', deed: 'reset' },
  { at: 'dot', deed: { say: '452 full' } },
  { at: 'dot', deed: { say: '554 spam' } },
];

describe('a mail that does not arrive', () => {
  it.each(NOTHING_ARRIVES)('uses nothing up while its caller waits: $at $deed', async (fault) => {
    const scene = await makeScene();
    // A connection of the pool may have to be found broken first.
    smtp.faults.push(fault, fault);
    expect(await outcomeOf(mailed(scene))).toBe('UNAVAILABLE');
    smtp.faults.length = 0;
    expect(await stateOf(scene)).toBe('copy');
    expect(await auditOf(rules.database, scene.owner.id)).toMatchObject({ CODES_EMAILED: 1, COPY_REARMED: 1 });
    expect(await arrived(scene)).toEqual([]);
    await exported(scene);
    await mailed(scene);
    expect(await arrived(scene)).toHaveLength(1);
    expect(await stateOf(scene)).toBe('exported emailed');
  });

  it('counts as delivered where only the answer to its final dot was lost', async () => {
    const scene = await makeScene();
    smtp.faults.push({ at: 'dot', deed: 'drop', isKept: true });
    expect(await outcomeOf(mailed(scene))).toMatchObject({ message: expect.any(String) });
    expect(await arrived(scene)).toHaveLength(1);
    expect(await stateOf(scene)).toBe('emailed copy');
    expect(await outcomeOf(mailed(scene))).toBe('ALREADY_EMAILED');
  });
});

describe('a mail that waits for its job', () => {
  it('counts as mailed, and holds its copy past export, sign-out and the time of the copy', async () => {
    const scene = await makeScene();
    await mailed(scene, queued);
    expect(await stateOf(scene)).toBe('emailed copy held');
    expect(await outcomeOf(mailed(scene, queued))).toBe('ALREADY_EMAILED');
    await exported(scene);
    await signOut(scene);
    await rules.database.rows(`update code_copies set expires_at = now() - interval '1 hour' where batch_id = $1`, [
      scene.id,
    ]);
    expect(await stateOf(scene)).toBe('exported emailed copy held');
    await attempt(scene);
    const [text] = await arrived(scene);
    for (const code of scene.codes) expect(text).toContain(code);
    expect(await stateOf(scene)).toBe('exported emailed');
  });

  it('is tried again after a refusal for now, and gives the copy back after the last attempt', async () => {
    const scene = await makeScene();
    await mailed(scene, queued);
    for (const isLast of [false, true]) {
      smtp.faults.push({ at: 'MAIL', deed: { say: '451 later' } });
      expect(await stateOf(scene)).toBe('emailed copy held');
      expect(await attempt(scene, isLast)).toMatch(/refused the mail for now/);
    }
    expect(await stateOf(scene)).toBe('copy');
    await mailed(scene);
    expect(await arrived(scene)).toHaveLength(1);
  });

  it('is given up at once where it is refused for good, and wipes the copy of a session that is over', async () => {
    const scene = await makeScene();
    await mailed(scene, queued);
    await signOut(scene);
    smtp.faults.push({ at: 'RCPT', deed: { say: '550 nobody here' } });
    expect(await attempt(scene)).toMatch(/for good/);
    expect(await stateOf(scene)).toBe('');
    expect(await attempt(scene)).toBeUndefined();
  });

  it('is not sent when its batch was superseded meanwhile', async () => {
    const scene = await makeScene();
    await mailed(scene, queued);
    await issueCodes(rules, scene.owner);
    expect(await attempt(scene)).toBeUndefined();
    expect([await arrived(scene), await stateOf(scene)]).toEqual([[], '']);
  });

  it('is sent by one of several attempts at once', async () => {
    const scene = await makeScene();
    await mailed(scene, queued);
    await times(10, () => attempt(scene));
    expect(await arrived(scene)).toHaveLength(1);
    expect(await stateOf(scene)).toBe('emailed copy');
  });

  it('gives its copy back when it had no answer for 15 minutes, by a sweep or when it is asked for again', async () => {
    const [swept, asked] = [await makeScene(), await makeScene()];
    await mailed(swept, queued);
    await mailed(asked, queued);
    const [before, later] = [rules.at(890), rules.at(901)];
    await before.services.codeMailing.endOverdue();
    expect(await stateOf(swept)).toBe('emailed copy held');
    expect(await attempt(swept, false, before)).toBeUndefined();
    await mailed(asked, later);
    expect(await arrived(asked)).toHaveLength(1);
    await later.services.codeMailing.endOverdue();
    expect(await stateOf(swept)).toBe('copy');
    expect(await arrived(swept)).toEqual([]);
    expect(await auditOf(rules.database, swept.owner.id)).toMatchObject({ CODES_EMAILED: 1, COPY_REARMED: 1 });
  });
});
