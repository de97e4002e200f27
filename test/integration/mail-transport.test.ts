import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import PostalMime from 'postal-mime';
import type { SMTPServerOptions } from 'smtp-server';
import type { MailToSend } from '../../src/mail/message.js';
import { renderMail } from '../../src/mail/templates.js';
import { createMailTransport, type MailTransportOptions } from '../../src/mail/transport.js';
import { mailErrorOf } from '../support/scripted-smtp.js';
import { openSmtpServer } from '../support/smtp-server.js';

const LINK = `http://127.0.0.1:4000/verify-email#token=${'aB3-_'.repeat(9)}`;
const SERVER_WORDS = 'the server quotes ann@example.org here';

const mail: MailToSend = {
  to: 'ann@example.org',
  messageId: '<0193a1f0-77aa@keys.example>',
  template: 'verify-email',
  ...renderMail('verify-email', { siteName: 'Acme Keys', link: LINK, validForSeconds: 86_400 }),
};

/** What to undo after a test, last thing first. */
const cleanups: (() => unknown)[] = [];
let folder = '';

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'sparekey-mail-')), 'mail');
  cleanups.push(() => rm(join(folder, '..'), { recursive: true, force: true }));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function transportTo(smtpUrl: string | undefined, options: Partial<MailTransportOptions> = {}) {
  const transport = createMailTransport({
    smtpUrl,
    from: 'keys@acme.example',
    filesDir: folder,
    siteName: 'Acme Keys',
    ...options,
  });
  cleanups.push(() => transport.close());
  return transport;
}

async function smtpServer(options: SMTPServerOptions = {}) {
  const server = await openSmtpServer(options);
  cleanups.push(() => server.close());
  return server;
}

const smtpFault = (responseCode: number) => Object.assign(new Error(SERVER_WORDS), { responseCode });

describe('mails to files', () => {
  it('are one readable .eml file each, for the owner only', async () => {
    await transportTo(undefined).send(mail);
    const [name = '', ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT[\d.-]+Z-verify-email-0193a1f0-77aa\.eml$/);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    const raw = await readFile(join(folder, name));
    const parsed = await PostalMime.parse(raw);
    expect(parsed).toMatchObject({
      subject: mail.subject,
      messageId: mail.messageId,
      from: { name: 'Acme Keys', address: 'keys@acme.example' },
      to: [{ address: 'ann@example.org' }],
    });
    expect(parsed.text?.trim()).toBe(mail.text.trim());
    expect(parsed.html).toContain(LINK);
  });

  it('hold the link in one piece, so that it can be copied out of the file', async () => {
    await transportTo(undefined).send(mail);
    const [name = ''] = await readdir(folder);
    expect(await readFile(join(folder, name), 'utf8')).toContain(`\r\n${LINK}\r\n`);
  });

  it('hold recovery codes in one piece each, in text and in HTML, and none in their name', async () => {
    const codes = [1, 2, 10].map((position) => ({
      position,
      code: `ABCDEF-ghijkm-${position}3456x-NPQRST-uvwxyz-HJKLMN`,
    }));
    const rendered = renderMail('recovery-codes', {
      siteName: 'Acme Keys',
      account: mail.to,
      batchNumber: 1,
      issuedAt: new Date(),
      expiresAt: null,
      codes,
    });
    await transportTo(undefined).send({ ...mail, ...rendered, template: 'recovery-codes' });
    const [name = ''] = await readdir(folder);
    const raw = await readFile(join(folder, name), 'utf8');
    const { html = '' } = await PostalMime.parse(raw);
    for (const { position, code } of codes) {
      expect(raw).toContain(`\r\n${String(position).padStart(2)}. ${code}\r\n`);
      expect(html).toContain(`>${code}<`);
      expect(name).not.toContain(code);
    }
  });

  it('sort by time and never overwrite each other', async () => {
    const transport = transportTo(undefined);
    const ids = Array.from({ length: 20 }, (_, index) => `<m-${index}@keys.example>`);
    await Promise.all(ids.map((messageId) => transport.send({ ...mail, messageId })));
    await transport.send({ ...mail, messageId: '<last@keys.example>' });
    const names = (await readdir(folder)).sort();
    expect(names).toHaveLength(21);
    expect(names.at(-1)).toContain('last');
    expect(names.every((name) => name.endsWith('.eml'))).toBe(true);
  });

  it('stay in their folder whatever the Message-ID is', async () => {
    await transportTo(undefined).send({ ...mail, messageId: '<../../up/and/out@keys.example>' });
    const names = await readdir(folder);
    expect(names).toHaveLength(1);
    expect(names[0]).not.toContain('/');
  });

  it('survive letters beyond ASCII', async () => {
    const rendered = renderMail('verify-email', { siteName: 'Schlüssel 鍵', link: LINK, validForSeconds: 60 });
    await transportTo(undefined, { siteName: 'Schlüssel 鍵' }).send({ ...mail, ...rendered });
    const [name = ''] = await readdir(folder);
    const parsed = await PostalMime.parse(await readFile(join(folder, name)));
    expect(parsed.from?.name).toBe('Schlüssel 鍵');
    expect(parsed.subject).toBe(rendered.subject);
    expect(parsed.text?.trim()).toBe(rendered.text.trim());
  });

  it('are refused for good, and not written, where a header could be injected', async () => {
    const sending = transportTo(undefined).send({ ...mail, subject: 'Hi\r\nBcc: bob@example.org' });
    expect(await mailErrorOf(sending)).toMatchObject({ reason: 'INVALID_MAIL', isPermanent: true });
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are worth another attempt when the folder cannot be written', async () => {
    await writeFile(folder, 'a file stands where the folder should be');
    const transport = transportTo(undefined);
    const failure = { reason: 'NOT_WRITTEN', isPermanent: false, mayHaveArrived: false };
    expect(await mailErrorOf(transport.send(mail))).toMatchObject(failure);
    expect(await mailErrorOf(transport.verify())).toMatchObject({ reason: 'NOT_WRITTEN' });
  });
});

describe('mails by SMTP', () => {
  it('arrive with one recipient, the given Message-ID, both bodies and no wish for automatic answers', async () => {
    const { url, received } = await smtpServer();
    await transportTo(url).send(mail);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ from: 'keys@acme.example', to: ['ann@example.org'] });
    const parsed = await PostalMime.parse(received[0]?.raw ?? '');
    expect(parsed.messageId).toBe(mail.messageId);
    expect(parsed.text?.trim()).toBe(mail.text.trim());
    expect(parsed.html?.trim()).toBe(mail.html.trim());
    const header = (key: string) => parsed.headers.find((each) => each.key === key)?.value;
    expect(header('auto-submitted')).toBe('auto-generated');
    expect(header('x-mailer')).toBeUndefined();
  });

  it('share connections', async () => {
    const { url, received, counts } = await smtpServer();
    const transport = transportTo(url);
    for (let sent = 0; sent < 5; sent += 1) await transport.send(mail);
    expect(received).toHaveLength(5);
    expect(counts.connections).toBe(1);
  });

  it('arrive although the server has dropped the connection in between', async () => {
    const { url, received, counts } = await smtpServer({ socketTimeout: 200 });
    const transport = transportTo(url);
    await transport.send(mail);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await transport.send(mail);
    expect(received).toHaveLength(2);
    expect(counts.connections).toBe(2);
  });

  it.each([
    [550, { reason: 'REFUSED', isPermanent: true }],
    [552, { reason: 'REFUSED', isPermanent: true }],
    [450, { reason: 'REFUSED_FOR_NOW', isPermanent: false }],
    [421, { reason: 'REFUSED_FOR_NOW', isPermanent: false }],
    [503, { reason: 'REFUSED_FOR_NOW', isPermanent: false }],
    [530, { reason: 'LOGIN_REFUSED', isPermanent: false }],
  ])('are judged rightly when the recipient is answered with %i', async (responseCode, expected) => {
    const { url } = await smtpServer({ onRcptTo: (_to, _session, callback) => callback(smtpFault(responseCode)) });
    expect(await mailErrorOf(transportTo(url).send(mail))).toMatchObject({ ...expected, responseCode });
  });

  it.each([
    [554, { reason: 'REFUSED', isPermanent: true }],
    [451, { reason: 'REFUSED_FOR_NOW', isPermanent: false }],
  ])('are judged rightly when the message is answered with %i', async (responseCode, expected) => {
    const { url } = await smtpServer({
      onData: (stream, _session, callback) => stream.on('end', () => callback(smtpFault(responseCode))).resume(),
    });
    expect(await mailErrorOf(transportTo(url).send(mail))).toMatchObject({ ...expected, responseCode });
  });

  it('are kept for later when it is our own address that is refused', async () => {
    const { url } = await smtpServer({ onMailFrom: (_from, _session, callback) => callback(smtpFault(553)) });
    expect(await mailErrorOf(transportTo(url).send(mail))).toMatchObject({ isPermanent: false, responseCode: 553 });
  });

  it('are kept for later when nobody listens', async () => {
    const { url, close } = await smtpServer();
    await close();
    const transport = transportTo(url);
    expect(await mailErrorOf(transport.send(mail))).toMatchObject({ reason: 'UNREACHABLE', isPermanent: false });
    expect(await mailErrorOf(transport.verify())).toMatchObject({ reason: 'UNREACHABLE' });
  });

  it('are kept for later when the login is refused, and the password is in no error', async () => {
    const { port } = await smtpServer({
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) => callback(new Error(`${SERVER_WORDS} s3cret`)),
    });
    const transport = transportTo(`smtp://keys:s3cret@127.0.0.1:${port}`);
    expect(await mailErrorOf(transport.send(mail))).toMatchObject({ reason: 'LOGIN_REFUSED', isPermanent: false });
    expect(await mailErrorOf(transport.verify())).toMatchObject({ reason: 'LOGIN_REFUSED' });
  });

  it('log in with user and password as they are meant, not as they are encoded', async () => {
    const logins: unknown[] = [];
    const { port, received } = await smtpServer({
      allowInsecureAuth: true,
      authOptional: false,
      onAuth(auth, _session, callback) {
        logins.push([auth.username, auth.password]);
        callback(null, { user: auth.username });
      },
    });
    await transportTo(`smtp://us%40er:p%2Fs%3As@127.0.0.1:${port}`).send(mail);
    expect(logins).toEqual([['us@er', 'p/s:s']]);
    expect(received).toHaveLength(1);
  });

  it('go over TLS only to a server that proves who it is', async () => {
    const { port, received } = await smtpServer({ secure: true, disabledCommands: [] });
    const url = `smtps://127.0.0.1:${port}`;
    expect(await mailErrorOf(transportTo(url).send(mail))).toMatchObject({ reason: 'NOT_SECURE', isPermanent: false });
    expect(received).toHaveLength(0);
    await transportTo(`${url}?tls.rejectUnauthorized=false`).send(mail);
    expect(received).toHaveLength(1);
  });

  it('do not go in clear where TLS is required', async () => {
    const { url, received } = await smtpServer();
    const transport = transportTo(`${url}?requireTLS=true`);
    expect(await mailErrorOf(transport.send(mail))).toMatchObject({ reason: 'NOT_SECURE', isPermanent: false });
    expect(received).toHaveLength(0);
  });

  it('are finished before the transport closes, and refused after', async () => {
    const { url, received } = await smtpServer();
    const transport = transportTo(url);
    const sending = transport.send(mail);
    await transport.close();
    await sending;
    expect(received).toHaveLength(1);
    expect(await mailErrorOf(transport.send(mail))).toMatchObject({ isPermanent: false });
  });
});

describe('verify', () => {
  it('connects and sends nothing', async () => {
    const { url, counts } = await smtpServer();
    await transportTo(url).verify();
    expect(counts).toEqual({ connections: 1, messages: 0 });
  });

  it('makes the folder of files', async () => {
    await transportTo(undefined).verify();
    expect(await readdir(folder)).toEqual([]);
  });
});
