import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type EmailAddress, emailKeyOf, parseEmail } from '../../src/domain/accounts/email.js';
import { BadUserInputError } from '../../src/domain/errors.js';

function parsedOrNot(typed: string): EmailAddress | undefined {
  try {
    return parseEmail(typed);
  } catch {
    return undefined;
  }
}

describe('An e-mail address', () => {
  it.each([
    ['ada@example.org', 'ada@example.org', 'ada@example.org'],
    [' Ada@Example.ORG\n', 'Ada@Example.ORG', 'ada@example.org'],
    ['admin@localhost', 'admin@localhost', 'admin@localhost'],
    ["o'neil+tag@mail.example.org", "o'neil+tag@mail.example.org", "o'neil+tag@mail.example.org"],
    ['jose\u0301@example.org', 'josé@example.org', 'josé@example.org'],
    ['ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ', 'ada@example.org', 'ada@example.org'],
    ['ſam@example.org', 'sam@example.org', 'sam@example.org'],
    ['Kim@example.org', 'Kim@example.org', 'kim@example.org'],
    ['用户@例え.jp', '用户@例え.jp', '用户@例え.jp'],
  ])('given as %j is kept as %s and compared as %s', (typed, address, key) => {
    expect(parseEmail(typed)).toEqual({ address, key });
    expect(emailKeyOf(typed)).toBe(key);
  });

  it.each([
    '',
    ' ',
    'ada',
    '@example.org',
    'ada@',
    'ada@@example.org',
    'ada@exa@mple.org',
    'ada@.example.org',
    'ada@example..org',
    'ada@example.org.',
    'ada example@example.org',
    'ada@example.org,bob@example.org',
    'ada@example.org;bob@example.org',
    'Ada <ada@example.org>',
    '"a d a"@example.org',
    'ada@[127.0.0.1]',
    'ada\r\nBcc: bob@example.org@example.org',
    'ada\0@example.org',
    'ada\u200b@example.org',
    'ada\u202e@example.org',
    '\ud800@example.org',
    'ada@example.org，bob@example.org',
    `${'a'.repeat(65)}@example.org`,
    `${'a'.repeat(64)}@${'b'.repeat(190)}.org`,
  ])('is refused where it is none or not only one: %j', (typed) => {
    const parse = () => parseEmail(typed, 'newEmail');
    expect(parse).toThrow(BadUserInputError);
    expect(parse).toThrow(expect.objectContaining({ path: 'newEmail', message: expect.stringMatching(/^Give one/) }));
  });

  it('has at most 254 characters, 64 of them before the @', () => {
    const longest = `${'a'.repeat(64)}@${'b'.repeat(185)}.org`;
    expect(longest).toHaveLength(254);
    expect(parseEmail(longest).address).toBe(longest);
  });

  it('always has a form to be compared in, which is its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (typed) => {
        const key = emailKeyOf(typed);
        expect(key).not.toContain('\0');
        expect(emailKeyOf(` ${typed} `)).toBe(key);
      }),
    );
  });

  it('is mailed in a form that compares as what was typed, so that nobody gets the mail of another', () => {
    const part = fc.stringMatching(/^[\p{L}\p{N}]{1,10}$/u);
    fc.assert(
      fc.property(part, part, (mailbox, host) => {
        const parsed = parsedOrNot(`${mailbox}@${host}.org`);
        // Some letters stand for several characters, parentheses and points among them.
        fc.pre(parsed !== undefined);
        const { address, key } = parsed;
        expect(emailKeyOf(address)).toBe(key);
        expect(address.normalize('NFKC')).toBe(address);
      }),
    );
  });
});
