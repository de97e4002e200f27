import { describe, expect, it } from '@jest/globals';
import { checkNewPassword, normalizePassword } from '../../src/domain/accounts/password-policy.js';
import { BadUserInputError } from '../../src/domain/errors.js';

const CONTEXT = { path: 'newPassword', email: 'ada.lovelace@example.org', siteName: 'Sparekey', minLength: 15 };

async function refusalOf(password: string, context: Partial<typeof CONTEXT> = {}): Promise<string | undefined> {
  try {
    await checkNewPassword(password, { ...CONTEXT, ...context });
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(BadUserInputError);
    expect((error as BadUserInputError).path).toBe('newPassword');
    if (password !== '') expect((error as Error).message).not.toContain(password);
    return (error as Error).message;
  }
}

const TOO_SHORT = 'Choose a password of at least 15 characters.';
const TOO_LONG = 'Choose a password of at most 1024 bytes.';
const COMMON = 'This password is among the most common ones. Choose another.';
const TELLING = 'Choose a password without your address or the name of this site in it.';

describe('A new password', () => {
  it.each([
    'fifteen letters',
    'çok güzel şifre',
    '密码密码密码密码密码密码密码密',
    '               ',
    'tab\tand\0control!',
    '🔑'.repeat(15),
    'x'.repeat(1024),
    'ﬃﬃﬃﬃﬃ',
  ])('is accepted whatever it is made of: %j', async (password) => {
    expect(await refusalOf(password)).toBeUndefined();
  });

  it.each([
    ['', TOO_SHORT],
    ['fourteen chars', TOO_SHORT],
    ['🔑'.repeat(14), TOO_SHORT],
    ['e\u0301'.repeat(14), TOO_SHORT],
    ['x'.repeat(1025), TOO_LONG],
    ['é'.repeat(513), TOO_LONG],
    ['🔑'.repeat(257), TOO_LONG],
    ['passwordpassword', COMMON],
    ['PassWordPassWord', COMMON],
    ['ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ', COMMON],
    ['1234567890qwerty', COMMON],
    ['my sparekey account', TELLING],
    ['My SPAREKEY account', TELLING],
    ['I am ada.lovelace, hi', TELLING],
    ['I am ADA.LOVELACE, hi', TELLING],
    ['ada.lovelace@example.org', TELLING],
  ])('is refused, counted in code points after NFKC: %j', async (password, message) => {
    expect(await refusalOf(password)).toBe(message);
  });

  it('may be shorter where the setting says so, but not a common one', async () => {
    expect(await refusalOf('eight ch', { minLength: 8 })).toBeUndefined();
    expect(await refusalOf('iloveyou', { minLength: 8 })).toBe(COMMON);
    expect(await refusalOf('sunshine', { minLength: 8 })).toBe(COMMON);
  });

  it('may hold what is too short to tell anything', async () => {
    expect(await refusalOf('bob is a fine name', { email: 'bob@example.org', siteName: 'Ace' })).toBeUndefined();
  });

  it('must not hold the name of the site in another Unicode form', async () => {
    expect(await refusalOf('this is my Café Online', { siteName: 'Cafe\u0301 Online' })).toBe(TELLING);
  });

  it('is the same in each of its Unicode forms', () => {
    expect(normalizePassword('cafe\u0301 ﬁ Ⅳ')).toBe(normalizePassword('caf\u00e9 fi IV'));
  });
});
