import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { MARK } from '../support/bad-values.js';
import { makeScene } from '../support/scene.js';
import { tableChecksums } from '../support/table-checksums.js';

const VERIFY = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }';

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp();
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

describe('a page of the history', () => {
  const cursor = (text: string) => Buffer.from(text).toString('base64url');
  const bad: Readonly<Record<string, Record<string, unknown>>> = {
    'first 0': { first: 0 },
    'first 101': { first: 101 },
    'first -1': { first: -1 },
    'last 0': { last: 0 },
    'last 101': { last: 101 },
    'last -2147483648': { last: -(2 ** 31) },
    'first and last': { first: 2, last: 2 },
    'first 2^31': { first: 2 ** 31 },
    'first 1.5': { first: 1.5 },
    'first as text': { first: '2' },
    'an empty cursor': { after: '' },
    'a text for a cursor': { after: MARK },
    'a cursor of another list': { before: cursor(`x:${MARK}`) },
    'a cursor of no number': { after: cursor('n:') },
    'a cursor of a negative number': { after: cursor('n:-1') },
    'a cursor of a fraction': { after: cursor('n:1.5') },
    'a cursor past all integers': { after: cursor('n:99999999999') },
    'a cursor with leading zeros': { after: cursor('n:007') },
    'a cursor with something behind it': { after: `${cursor('n:1')}!!` },
    'a cursor with a blank before it': { before: ` ${cursor('n:1')}` },
    'a cursor with NUL in it': { before: cursor('n:1\u0000') },
    'a very long cursor': { before: cursor(`n:${'1'.repeat(50_000)}`) },
    'an id for a cursor': { after: randomUUID() },
  };

  it.each(Object.keys(bad))('is not cut by %s', async (label) => {
    const query = `query($first: Int, $after: String, $last: Int, $before: String) {
      me { id batches(first: $first, after: $after, last: $last, before: $before) { totalCount } } }`;
    const answer = await app.post(query, bad[label], { token: admin.token });
    expect(answer.code).toBe('BAD_USER_INPUT');
    expect(answer.text).not.toContain(MARK);
  });

  it('is cut by sizes from 1 to 100', async () => {
    for (const size of [1, 100]) {
      const { errors } = await app.post(
        'query($n: Int) { me { a: batches(first: $n) { totalCount } b: batches(last: $n) { totalCount } } }',
        { n: size },
        { token: admin.token },
      );
      expect(errors).toEqual([]);
    }
  });
});

describe('a code', () => {
  it.each([
    ['with dashes', (code: string) => code],
    ['without', (code: string) => code.replaceAll('-', '')],
    ['with blanks for dashes', (code: string) => code.replaceAll('-', ' ')],
    ['in groups of another size', (code: string) => code.replaceAll('-', '').replaceAll(/.{4}/g, '$&-')],
    ['with white space of all kinds', (code: string) => `\t${[...code].join('\u00a0')}\r\n\u2003`],
  ])('is accepted %s', async (_label, typed) => {
    const scene = await makeScene(app, admin);
    const variables = { code: typed(scene.newCode()) };
    const { data } = await app.post(VERIFY, variables, { token: scene.owner.token });
    expect(data).toEqual({ verifyRecoveryCode: { outcome: 'ACCEPTED' } });
  });

  it.each([
    [
      'in another case',
      (code: string) => code.replaceAll(/[a-z]/gi, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase())),
    ],
    ['with another kind of dash', (code: string) => code.replace('-', '\u2013')],
    ['with a zero-width space', (code: string) => `${code}\u200b`],
    ['one character short', (code: string) => code.slice(0, -1)],
    ['one character long', (code: string) => `${code}a`],
    ['twice', (code: string) => code + code],
    [
      'in letters of full width',
      (code: string) => code.replaceAll(/\w/g, (c) => String.fromCodePoint(c.codePointAt(0)! + 0xfee0)),
    ],
  ])('is not accepted %s', async (_label, typed) => {
    const scene = await makeScene(app, admin);
    const variables = { code: typed(scene.newCode()) };
    const before = await tableChecksums(app.database);
    const { data } = await app.post(VERIFY, variables, { token: scene.owner.token });
    expect(data).toEqual({ verifyRecoveryCode: { outcome: 'REJECTED' } });
    expect(await tableChecksums(app.database)).toEqual(before);
  });

  it('is selected by exactly one of itself and its id', async () => {
    const scene = await makeScene(app, admin);
    const before = await tableChecksums(app.database);
    const [code, codeId] = [scene.newCode(), scene.newCodeId()];
    for (const field of ['invalidateRecoveryCode', 'deleteRecoveryCode']) {
      const query = `mutation($selector: RecoveryCodeSelector!) { ${field}(selector: $selector) { outcome } }`;
      for (const selector of [
        {},
        { code, codeId },
        { code: null, codeId: null },
        { code: null },
        { code: '', codeId },
      ]) {
        expect((await app.post(query, { selector }, { token: scene.owner.token })).code).toBe('BAD_USER_INPUT');
      }
    }
    expect(await tableChecksums(app.database)).toEqual(before);
  });
});

describe('an expiry', () => {
  const generate = async (token: string, expiresInDays: unknown) =>
    await app.post(
      'mutation($input: GenerateRecoveryCodesInput) { generateRecoveryCodes(input: $input) { batch { expiresAt createdAt } } }',
      { input: { expiresInDays } },
      { token },
    );

  it('is refused out of 1 to MAX_EXPIRY_DAYS, without a cooldown', async () => {
    const { token } = await makeAccount(app);
    const before = await tableChecksums(app.database);
    for (const days of [0, 366, -1, 1.5, 2 ** 31, -(2 ** 31), '7', true]) {
      expect([days, (await generate(token, days)).code]).toEqual([days, 'BAD_USER_INPUT']);
    }
    expect(await tableChecksums(app.database)).toEqual(before);
    expect((await generate(token, 1)).errors).toEqual([]);
  });

  it.each([1, 365])('of %d days is so many times 24 hours after the issue', async (days) => {
    const { token } = await makeAccount(app);
    const { data } = await generate(token, days);
    const { expiresAt, createdAt } = data['generateRecoveryCodes'].batch;
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(days * 86_400_000);
  });
});
