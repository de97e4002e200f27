import { describe, expect, it } from '@jest/globals';
import { MailError } from '../../src/mail/mail-error.js';
import { parseSender, toMessage } from '../../src/mail/message.js';
import { parseSmtpUrl } from '../../src/mail/smtp-options.js';

const sender = { name: 'Acme', address: 'keys@acme.example' };
const mail = {
  to: 'ann@example.org',
  messageId: '<0193a1@keys.example>',
  subject: 'Hello',
  text: 'Hello\n',
  html: '<p>Hello</p>',
};

describe('toMessage', () => {
  it.each([
    ['a second recipient', { to: 'ann@example.org, bob@example.org' }],
    ['a recipient in brackets', { to: '<ann@example.org>' }],
    ['a line break in the recipient', { to: 'ann@example.org\r\nBcc: bob@example.org' }],
    ['a recipient with two @', { to: 'ann@example.org@evil.example' }],
    ['a recipient without a domain', { to: 'ann' }],
    ['an empty recipient', { to: '' }],
    ['an invisible character in the recipient', { to: 'ann\u200b@example.org' }],
    ['a line break in the subject', { subject: 'Hello\nBcc: bob@example.org' }],
    ['a Unicode line separator in the subject', { subject: 'Hello\u2028there' }],
    ['a line break in the Message-ID', { messageId: '<a@b>\r\nBcc: <bob@example.org>' }],
    ['a Message-ID without brackets', { messageId: 'a@b' }],
  ])('refuses %s for good', (_what, change) => {
    const attempt = () => toMessage({ ...mail, ...change }, sender);
    expect(attempt).toThrow(MailError);
    expect(attempt).toThrow(expect.objectContaining({ reason: 'INVALID_MAIL', isPermanent: true }));
    expect(attempt).not.toThrow(/bob|ann/);
  });

  it('accepts addresses as people have them', () => {
    for (const to of ['admin@localhost', "o'neil+keys@sub.example.org", 'jürgen@exämple.org', 'a@b']) {
      expect(toMessage({ ...mail, to }, sender).envelope).toEqual({ from: sender.address, to: [to] });
    }
  });

  it('forbids the library to read files or fetch addresses', () => {
    expect(toMessage(mail, sender)).toMatchObject({ disableFileAccess: true, disableUrlAccess: true });
  });
});

describe('parseSender', () => {
  it.each([
    ['keys@acme.example', { name: 'Acme Keys', address: 'keys@acme.example' }],
    ['Vault <keys@acme.example>', { name: 'Vault', address: 'keys@acme.example' }],
    ['"Vault, Inc." <keys@acme.example>', { name: 'Vault, Inc.', address: 'keys@acme.example' }],
  ])('reads %s', (from, parsed) => {
    expect(parseSender(from, 'Acme Keys')).toEqual(parsed);
  });

  it.each(['', 'nobody', 'A\r\nBcc: x@y.z <keys@acme.example>', 'a@b.c, d@e.f'])('refuses %j', (from) => {
    expect(() => parseSender(from, 'Acme Keys')).toThrow('The sender of mails must be');
  });
});

describe('parseSmtpUrl', () => {
  it('reads host, port, user and password', () => {
    expect(parseSmtpUrl('smtps://us%40er:p%3Ass@mail.example:465')).toEqual({
      host: 'mail.example',
      port: 465,
      secure: true,
      auth: { user: 'us@er', pass: 'p:ss' },
      tls: {},
    });
    expect(parseSmtpUrl('smtp://[::1]:2525')).toEqual({ host: '::1', port: 2525, secure: false, tls: {} });
  });

  it('reads the options that concern TLS and the name we go by', () => {
    expect(
      parseSmtpUrl('smtp://mail?requireTLS=true&name=keys.example&tls.servername=m&tls.rejectUnauthorized=false'),
    ).toMatchObject({
      requireTLS: true,
      name: 'keys.example',
      tls: { servername: 'm', rejectUnauthorized: false },
    });
  });

  it.each([
    ['no URL', 'mail.secret'],
    ['another protocol', 'http://u:secret@mail'],
    ['no host', 'smtp://'],
    ['an option that would print mails', 'smtp://u:secret@mail?debug=true'],
    ['an option named like an inherited property', 'smtp://u:secret@mail?constructor=x'],
    ['a password that was not encoded', 'smtp://u:12?secret@mail'],
    ['a broken encoding', 'smtp://u:%zzsecret@mail'],
    ['a value that is neither true nor false', 'smtp://u:secret@mail?requireTLS=secret'],
  ])('refuses %s without quoting it', (_what, url) => {
    const attempt = () => parseSmtpUrl(url);
    expect(attempt).toThrow(/SMTP URL/);
    expect(attempt).not.toThrow(/secret/);
  });
});
