import { describe, expect, it } from '@jest/globals';
import type { MailInputs, MailTemplate } from '../../src/domain/mail/mail-inputs.js';
import { renderMail, templates } from '../../src/mail/templates.js';
import { flat, readable } from '../support/mail-text.js';
import { reportInput } from '../support/report-input.js';

const siteName = 'Acme Keys';
const link = 'https://keys.example/verify-email#token=abc-DEF_123';
const origin = { at: '2026-11-22T07:14:05Z', address: '2001:db8::7', client: 'Firefox on Linux' };
const ORIGIN_FACTS = ['22 November 2026, 07:14:05 UTC', '2001:db8::7', 'Firefox on Linux'];

const inputs: MailInputs = {
  'verify-email': { siteName, link, validForSeconds: 86_400 },
  'set-your-password': { siteName, link, validForSeconds: 3600 },
  'already-registered': { siteName, origin },
  'code-used': { siteName, origin, remaining: 7, code: { batchNumber: 3, position: 4 } },
  'signed-in-by-code': { siteName, origin, remaining: 1 },
  'codes-issued': {
    siteName,
    origin,
    batchNumber: 2,
    count: 10,
    expiresAt: new Date('2027-11-22T07:14:05Z'),
    isReplacement: true,
  },
  'codes-low': { siteName, origin, remaining: 3 },
  'codes-empty': { siteName, origin },
  'locked-out': { siteName, origin, credential: 'RECOVERY_CODE', waitSeconds: 62 },
  'account-unlocked': { siteName, origin },
  'batch-deleted': { siteName, origin, batchNumber: 2, removed: 6, by: 'OWNER' },
  'session-replay': { siteName, origin },
  'password-attempts-ceiling': { siteName, origin, failures: 100 },
  'code-attempts-ceiling': { siteName, origin, failures: 100 },
  'purge-report': reportInput,
};

/** What each mail must say, in both of its bodies. */
const saidFacts: Record<MailTemplate, readonly string[]> = {
  'verify-email': [link, '1 day', 'the password that you chose'],
  'set-your-password': [link, '1 hour'],
  'already-registered': [...ORIGIN_FACTS, 'sign in instead'],
  'code-used': [...ORIGIN_FACTS, '7 recovery codes are left', 'no. 4 of batch 3', 'If this was not you'],
  'signed-in-by-code': [...ORIGIN_FACTS, '1 recovery code is left', 'If this was not you'],
  'codes-issued': [
    ...ORIGIN_FACTS,
    '10 recovery codes for Acme Keys were issued',
    'no. 2',
    '22 November 2027, 07:14:05 UTC',
    'no longer work',
  ],
  'codes-low': [...ORIGIN_FACTS, '3 recovery codes are left'],
  'codes-empty': [...ORIGIN_FACTS, 'No recovery code is left'],
  'locked-out': [...ORIGIN_FACTS, 'wrong recovery codes', '1 minute and 2 seconds', 'If this was not you'],
  'account-unlocked': [...ORIGIN_FACTS, 'unlocked'],
  'batch-deleted': [...ORIGIN_FACTS, '6 usable codes', 'If this was not you'],
  'session-replay': [...ORIGIN_FACTS, 'ended', 'If this was not you'],
  'password-attempts-ceiling': [...ORIGIN_FACTS, '100', 'recovery codes are not affected'],
  'code-attempts-ceiling': [...ORIGIN_FACTS, '100', 'go on working'],
  'purge-report': ['Hello Ada Admin,', 'by the schedule "Nightly"', reportInput.reportId, 'record only'],
};

const names = Object.keys(templates) as MailTemplate[];
const render = (name: MailTemplate, changes: object = {}) => renderMail(name, { ...inputs[name], ...changes });
/** An admin's mail filter goes by how a report's subject begins, and its sender names the site. */
const namesSite = (name: MailTemplate) => name !== 'purge-report';

describe.each(names)('the mail %s', (name) => {
  const mail = render(name);

  it('has a one-line subject that names the site', () => {
    if (namesSite(name)) expect(mail.subject).toContain(siteName);
    expect(mail.subject).toMatch(/^[^\r\n]{10,90}$/);
  });

  it('says the same in text and in HTML', () => {
    for (const fact of [...saidFacts[name], siteName]) {
      expect(flat(mail.text)).toContain(fact);
      expect(readable(mail.html)).toContain(fact);
    }
    const said = flat(mail.text.replace(/^-- $/m, '')).match(/[^.:]+\./g) ?? [];
    expect(said.length).toBeGreaterThan(3);
    const shown = readable(mail.html).replaceAll(' ', '');
    for (const sentence of said) expect(shown).toContain(sentence.replaceAll(' ', '').slice(-20));
  });

  it('keeps lines of text short, save for links', () => {
    const long = mail.text.split('\n').filter((line) => line.length > 72);
    expect(long.every((line) => line.startsWith('https://') && !line.includes(' '))).toBe(true);
  });

  it('loads nothing and runs nothing', () => {
    expect(mail.html).not.toMatch(/<img|<script|<link|<iframe|<form|url\(|@import|\bon\w+=|src=/i);
    const targets = [...mail.html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
    expect(targets.every((href) => href === link)).toBe(true);
  });

  it('knows dark mode and says its language', () => {
    expect(mail.html).toContain('prefers-color-scheme: dark');
    expect(mail.html).toContain('<html lang="en">');
  });

  it('escapes what could be markup, in every value', () => {
    const hostile = `<b>"x" & 'y'</b>`;
    const { subject, text, html } = render(name, {
      siteName: hostile,
      origin: { ...origin, address: hostile, client: hostile },
      adminName: hostile,
      scheduleName: hostile,
    });
    expect(html).not.toContain('<b>');
    expect(readable(html)).toContain(hostile);
    if (namesSite(name)) expect(subject).toContain(hostile);
    expect(flat(text)).toContain(hostile);
  });

  it('lets no value begin a line or a header of its own', () => {
    const { subject, text } = render(name, {
      siteName: 'Acme\r\nBcc: thief@example.org',
      origin: { ...origin, client: 'Firefox\n\nSign in at http://evil.example' },
      adminName: 'Ada\r\nSign in at http://evil.example',
      scheduleName: 'Nightly\u2028Sign in at http://evil.example',
    });
    expect(subject).not.toMatch(/[\r\n]/);
    expect(text).not.toMatch(/\r|^Sign in at/m);
  });
});

describe('renderMail', () => {
  it('says so when a browser is not recognised', () => {
    expect(render('code-used', { origin: { ...origin, client: null } }).text).toContain('Browser: not recognised');
  });

  it('shows only the time of what an admin did', () => {
    const { text } = render('account-unlocked', { origin: { ...origin, address: null, client: null } });
    expect(text).toContain('Time: 22 November 2026');
    expect(text).not.toMatch(/Network address|Browser/);
  });

  it('says that codes never expire, and that none were replaced', () => {
    const { text } = render('codes-issued', { expiresAt: null, isReplacement: false });
    expect(text).toContain('Valid until: no end');
    expect(text).not.toContain('no longer work');
  });

  it('tells who deleted a batch', () => {
    expect(render('batch-deleted').text).toContain('You have deleted');
    const byAdmin = flat(render('batch-deleted', { by: 'ADMIN', removed: 1 }).text);
    expect(byAdmin).toContain('An admin has deleted');
    expect(byAdmin).toContain('1 usable code went');
  });

  it('tells passwords and codes apart in a lock-out', () => {
    expect(render('locked-out', { credential: 'PASSWORD' }).subject).toContain('wrong passwords');
  });

  it('mails no token in a notice that anybody can cause', () => {
    expect(render('already-registered').text).not.toMatch(/token|http/);
  });

  it('refuses a link that is not a web address', () => {
    expect(() => render('verify-email', { link: 'javascript:alert(1)' })).toThrow(TypeError);
    expect(() => render('verify-email', { link: 'verify-email#token=a' })).toThrow(TypeError);
  });
});
