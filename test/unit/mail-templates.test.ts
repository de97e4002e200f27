import { describe, expect, it } from '@jest/globals';
import type { MailInputs, MailTemplate } from '../../src/domain/mail/mail-inputs.js';
import { renderMail, templates } from '../../src/mail/templates.js';
import { flat, readable } from '../support/mail-text.js';
import { reportInput } from '../support/report-input.js';

const siteName = 'Acme Keys';
const link = 'https://keys.example/verify-email#token=abc-DEF_123';
const origin = { at: '2026-11-22T07:14:05Z', address: '2001:db8::7', client: 'Firefox on Linux' };
const ORIGIN_FACTS = ['22 November 2026, 07:14:05 UTC', '2001:db8::7', 'Firefox on Linux'];

const codes = Array.from({ length: 10 }, (_, index) => ({
  position: index + 1,
  code: `ABCDEF-ghijkm-23456${(index + 2) % 10}-NPQRST-uvwxyz-HJKLMN`,
}));

const inputs: MailInputs = {
  'verify-email': { siteName, link, validForSeconds: 86_400 },
  'set-your-password': { siteName, link, validForSeconds: 3600 },
  'already-registered': { siteName, origin },
  'registration-expiring': { siteName, link, validForSeconds: 86_400, endsAt: '2027-11-22T07:14:05Z' },
  'reset-password': { siteName, link, validForSeconds: 3600 },
  'password-changed': { siteName, origin, by: 'RESET' },
  'confirm-email-change': { siteName, origin, link, validForSeconds: 86_400, newEmail: 'ada@new.example' },
  'confirm-new-address': { siteName, link, validForSeconds: 86_400 },
  'address-wanted': { siteName, origin: { ...origin, address: null, client: null } },
  'email-changed': { siteName, origin },
  'old-address-left': { siteName, origin },
  'recovery-codes': {
    siteName,
    account: 'ann@example.org',
    batchNumber: 2,
    issuedAt: '2026-11-22T07:14:05Z',
    expiresAt: new Date('2027-11-22T07:14:05Z'),
    codes,
  },
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
  'codes-expiring': { siteName, batchNumber: 2, remaining: 7, expiresAt: '2026-11-29T07:14:05Z' },
  'locked-out': { siteName, origin, credential: 'RECOVERY_CODE', waitSeconds: 62 },
  'account-unlocked': { siteName, origin },
  'batch-deleted': { siteName, origin, batchNumber: 2, removed: 6, by: 'OWNER' },
  'session-replay': { siteName, origin },
  'password-attempts-ceiling': { siteName, origin, failures: 100 },
  'code-attempts-ceiling': { siteName, origin, failures: 100 },
  'purge-report': reportInput,
  'admin-notice': { siteName, origin, what: 'signing-key-rotated', about: 'by hand', by: 'ada@example.org' },
};

/** What each mail must say, in both of its bodies. */
const saidFacts: Record<MailTemplate, readonly string[]> = {
  'verify-email': [link, '1 day', 'the password that you chose'],
  'set-your-password': [link, '1 hour'],
  'already-registered': [...ORIGIN_FACTS, 'sign in instead'],
  'registration-expiring': [link, '1 day', '22 November 2027, 07:14:05 UTC', 'If it was not you'],
  'reset-password': [link, '1 hour', 'All sessions end', 'If it was not you'],
  'password-changed': [...ORIGIN_FACTS, 'set anew by a mailed link', 'If this was not you'],
  'confirm-email-change': [...ORIGIN_FACTS, link, '1 day', 'ada@new.example', 'cancel the change'],
  'confirm-new-address': [link, '1 day', 'The other address has to confirm too', 'If it was not you'],
  'address-wanted': ['22 November 2026, 07:14:05 UTC', 'Nothing was changed', 'not told that you are here'],
  'email-changed': [...ORIGIN_FACTS, 'you sign in to Acme Keys with this one', 'Other sessions were ended'],
  'old-address-left': [...ORIGIN_FACTS, 'no longer signs in', 'If this was not you'],
  'recovery-codes': [
    'Hello ann@example.org,',
    ...codes.map(({ code }) => code),
    'no. 2',
    '22 November 2026, 07:14:05 UTC',
    '22 November 2027, 07:14:05 UTC',
    'Each of them gets you into your account once',
    'Codes that you had before no longer work.',
    'Keep these safe',
    'If you did not ask for this, somebody is in your account.',
    'issue new codes',
  ],
  'code-used': [...ORIGIN_FACTS, '7 recovery codes are left', 'no. 4 of batch 3', 'If this was not you'],
  'signed-in-by-code': [...ORIGIN_FACTS, '1 recovery code is left', 'If this was not you'],
  'codes-issued': [
    ...ORIGIN_FACTS,
    '10 recovery codes for Acme Keys were issued',
    'no. 2',
    '22 November 2027, 07:14:05 UTC',
    'no longer work',
    'If this was not you, somebody has been in your account.',
  ],
  'codes-low': [...ORIGIN_FACTS, '3 recovery codes are left', 'issue new ones', 'If this was not you'],
  'codes-empty': [...ORIGIN_FACTS, 'No recovery code is left', 'Issue new ones', 'If this was not you'],
  'codes-expiring': [
    '7 recovery codes are left. They are accepted until the time below',
    'no. 2',
    '29 November 2026, 07:14:05 UTC',
    'Before that, sign in at Acme Keys and issue new ones',
    'Nobody has done anything to your account',
  ],
  'locked-out': [...ORIGIN_FACTS, 'wrong recovery codes', '1 minute and 2 seconds', 'If this was not you'],
  'account-unlocked': [...ORIGIN_FACTS, 'unlocked', 'If you did not ask for this'],
  'batch-deleted': [...ORIGIN_FACTS, '6 usable codes', 'If this was not you'],
  'session-replay': [...ORIGIN_FACTS, 'ended', 'If this was not you'],
  'password-attempts-ceiling': [...ORIGIN_FACTS, '100', 'recovery codes are not affected'],
  'code-attempts-ceiling': [...ORIGIN_FACTS, '100', 'go on working'],
  'admin-notice': [...ORIGIN_FACTS, 'A new key signs', 'by hand', 'ada@example.org', 'revoke the previous ones'],
  'purge-report': ['Hello Ada Admin,', 'by the schedule "Nightly"', reportInput.reportId, 'record only'],
};

const names = Object.keys(templates) as MailTemplate[];
const render = (name: MailTemplate, changes: object = {}) => renderMail(name, { ...inputs[name], ...changes });
const squeezed = (text: string) => text.replaceAll(/[\s:]+/g, '');
const inLinkMail = (name: MailTemplate) => 'link' in inputs[name];
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
    const frame = inLinkMail(name) ? [/If the button does nothing, copy this address into your browser:/] : [];
    const shown = frame.reduce((html, part) => html.replace(part, ''), readable(mail.html));
    expect(squeezed(shown)).toBe(squeezed(`${siteName}${mail.subject}${mail.text.replace(/^-- $/m, '')}`));
  });

  it('says what to do where it was somebody else', () => {
    const isOfSomebody = 'origin' in inputs[name] || name === 'recovery-codes';
    if (isOfSomebody)
      expect(flat(mail.text)).toMatch(/If (this|it) was not you, |If you did not (ask for|expect) this, /);
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
      account: hostile,
      codes: [{ position: 1, code: hostile }],
      adminName: hostile,
      scheduleName: hostile,
      about: hostile,
      by: hostile,
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
      account: 'ann@example.org\u2029Sign in at http://evil.example',
      codes: [{ position: 1, code: 'A\nSign in at http://evil.example' }],
      adminName: 'Ada\r\nSign in at http://evil.example',
      scheduleName: 'Nightly\u2028Sign in at http://evil.example',
      about: 'Shop\nSign in at http://evil.example',
    });
    expect(subject).not.toMatch(/[\r\n]/);
    expect(text).not.toMatch(/\r|^Sign in at/m);
  });
});

describe('the mail of the codes', () => {
  const { subject, text, html } = render('recovery-codes');

  it('has one of them a line, whole and with its number, in the order of the numbers', () => {
    const lines = text.split('\n').filter((line) => /^ ?\d+\. /.test(line));
    expect(lines).toEqual(codes.map(({ position, code }) => `${String(position).padStart(2)}. ${code}`));
  });

  it('never wraps one, however long codes are set to be', () => {
    const code = Array.from({ length: 16 }, () => 'ABCDEFGHJKLMNPQR').join('-');
    const long = render('recovery-codes', { codes: [{ position: 1, code }] });
    expect(long.text).toContain(`\n1. ${code}\n`);
    expect(long.html).toContain(`>${code}<`);
  });

  it('shows each in letters of one width, to be selected by one click and without its number', () => {
    for (const { position, code } of codes) {
      const [row = ''] = html.split('\n').filter((line) => line.includes(`>${code}<`));
      expect(row).toMatch(/<td class="code"[^>]*;user-select:all;font-family:[^>]*monospace/);
      expect(row).toMatch(new RegExp(`<th [^>]*;user-select:none;[^>]*>${position}\\.</th>`));
      expect(html.split(code)).toHaveLength(2);
    }
  });

  it('has a dark form of them too, and is not searched for telephone numbers', () => {
    expect(html).toMatch(/prefers-color-scheme: dark.*\.code \{ background-color: [^;]+ !important; color: /s);
    expect(html).toMatch(/<meta name="format-detection" content="telephone=no/);
  });

  it('says nothing of them in its subject', () => {
    expect(subject).toBe('Your recovery codes for Acme Keys');
  });

  it('says that codes never expire', () => {
    expect(render('recovery-codes', { expiresAt: null }).text).toContain('Valid until: no end');
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

  it('tells of one code that will expire as of one', () => {
    const { text } = render('codes-expiring', { remaining: 1 });
    expect(flat(text)).toContain('1 recovery code is left. It is accepted until');
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

  it('tells admins what was done, to what, and by whom', () => {
    const told = (
      ['service-key-created', 'service-key-revoked', 'oidc-client-saved', 'oidc-client-deleted'] as const
    ).map((what) => flat(render('admin-notice', { what, about: 'Shop', by: null }).text));
    expect(new Set(told).size).toBe(4);
    for (const text of told) expect(text).toContain('Shop By: the server itself or its command line');
  });

  it('mails no token in a notice that anybody can cause', () => {
    expect(render('already-registered').text).not.toMatch(/token|http/);
  });

  it('refuses a link that is not a web address', () => {
    expect(() => render('verify-email', { link: 'javascript:alert(1)' })).toThrow(TypeError);
    expect(() => render('verify-email', { link: 'verify-email#token=a' })).toThrow(TypeError);
  });
});
