import { describe, expect, it } from '@jest/globals';
import { durationText } from '../../src/mail/duration-text.js';
import { mailLinkUrl } from '../../src/mail/links.js';
import { counted, inWords, oneLine, utcText } from '../../src/mail/wording.js';

describe('inWords', () => {
  it.each([
    ['AUDIT_EVENTS', 'audit events'],
    ['EMAIL_LOG', 'e-mail log'],
    ['OIDC_TOKENS', 'OIDC tokens'],
    ['refreshTokens', 'refresh tokens'],
    ['idTokens', 'ID tokens'],
    ['rows', 'rows'],
  ])('says %s as people do', (name, words) => {
    expect(inWords(name)).toBe(words);
  });
});

describe('durationText', () => {
  it.each([
    [0, ''],
    [-5, ''],
    [1, '1 second'],
    [5, '5 seconds'],
    [59.2, '1 minute'],
    [60, '1 minute'],
    [62, '1 minute and 2 seconds'],
    [3600, '1 hour'],
    [3675, '1 hour, 1 minute and 15 seconds'],
    [7205, '2 hours and 5 seconds'],
    [86_400, '1 day'],
    [180_061, '2 days, 2 hours, 1 minute and 1 second'],
  ])('says %p seconds as "%s"', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe('utcText', () => {
  it('says an instant in UTC, whatever offset it was written with', () => {
    expect(utcText(new Date(Date.UTC(2026, 10, 2, 7, 4, 5)))).toBe('2 November 2026, 07:04:05 UTC');
    expect(utcText('2027-01-01T00:30:00.900+01:00')).toBe('31 December 2026, 23:30:00 UTC');
  });

  it('refuses what is no instant', () => {
    expect(() => utcText('soon')).toThrow(RangeError);
  });
});

describe('wording', () => {
  it('counts one thing without an s', () => {
    expect([0, 1, 2].map((count) => counted(count, 'code'))).toEqual(['0 codes', '1 code', '2 codes']);
  });

  it('leaves nothing in a value that could begin a line', () => {
    expect(oneLine(' a\r\nBcc: b\u2028c\u2029d\u0000e\u0085f ')).toBe('a Bcc: b c d e f');
  });
});

describe('mailLinkUrl', () => {
  it('puts the token into the fragment, which is sent to no server', () => {
    const url = new URL(mailLinkUrl('https://keys.example/app/', 'verify-email', 'a-b_c'));
    expect(url.pathname).toBe('/app/verify-email');
    expect(url.search).toBe('');
    expect(url.hash).toBe('#token=a-b_c');
  });

  it('keeps a token that holds odd characters one value', () => {
    const url = new URL(mailLinkUrl('http://127.0.0.1:4000', 'reset-password', 'a&b=c#d'));
    expect(url.pathname).toBe('/reset-password');
    expect(new URLSearchParams(url.hash.slice(1)).get('token')).toBe('a&b=c#d');
  });
});
