import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SMTPServerOptions } from 'smtp-server';
import { whenAllIsOut } from '../../src/mail/final-dot.js';
import type { MailToSend } from '../../src/mail/message.js';
import type { SmtpTimeouts } from '../../src/mail/smtp-delivery.js';
import { createMailTransport } from '../../src/mail/transport.js';
import { eventually } from '../support/eventually.js';
import { type Deed, type Fault, mailErrorOf, openScriptedSmtp, type Stage } from '../support/scripted-smtp.js';
import { openSmtpServer } from '../support/smtp-server.js';

const MESSAGE_ID = '<0193a1f0-77aa@keys.example>';
const mail: MailToSend = {
  to: 'ann@example.org',
  messageId: MESSAGE_ID,
  subject: 'Hello',
  text: 'Hello\n.hidden dot\n',
  html: '<p>Hello</p>',
};
/** More than the systems between us and a server that does not read take from us. */
const bigMail: MailToSend = { ...mail, text: `${'0123456789abcdef'.repeat(4)}\n`.repeat(125_000) };

const REFUSED = { reason: 'REFUSED', isPermanent: true, mayHaveArrived: false };
const REFUSED_FOR_NOW = { reason: 'REFUSED_FOR_NOW', isPermanent: false, mayHaveArrived: false };
const LOGIN_REFUSED = { reason: 'LOGIN_REFUSED', isPermanent: false, mayHaveArrived: false };
const UNREACHABLE = { reason: 'UNREACHABLE', isPermanent: false, mayHaveArrived: false };
const ANSWER_LOST = { reason: 'ANSWER_LOST', isPermanent: false, mayHaveArrived: true };

const say = (line: string): Deed => ({ say: `${line} (it quotes ann@example.org)` });
const breakOff = (part: string): Deed => ({ say: part, isLast: true });

/** What to undo after a test, last thing first. */
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function scripted(...faults: Fault[]) {
  const server = await openScriptedSmtp(...faults);
  cleanups.push(() => server.close());
  return server;
}

async function smtpServer(options: SMTPServerOptions) {
  const server = await openSmtpServer(options);
  cleanups.push(() => server.close());
  return server;
}

function transportTo(smtpUrl: string, smtpTimeouts: Partial<SmtpTimeouts> = {}) {
  const options = { from: 'keys@acme.example', filesDir: 'none', siteName: 'Acme Keys', smtpTimeouts };
  const transport = createMailTransport({ ...options, smtpUrl });
  cleanups.push(() => transport.close());
  return transport;
}

const waiting = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('A mail whose server fails it', () => {
  it.each<[Stage, string, Deed, object]>([
    ['greeting', 'says 554', say('554 no service'), REFUSED_FOR_NOW],
    ['greeting', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['greeting', 'talks nonsense', say('hello'), UNREACHABLE],
    ['greeting', 'is silent', 'silence', UNREACHABLE],
    ['greeting', 'resets', 'reset', UNREACHABLE],
    ['EHLO', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['EHLO', 'is silent', 'silence', UNREACHABLE],
    ['EHLO', 'hangs up', 'drop', UNREACHABLE],
    ['EHLO', 'resets', 'reset', UNREACHABLE],
    ['AUTH', 'says 535', say('535 wrong'), LOGIN_REFUSED],
    ['AUTH', 'says 454', say('454 not now'), LOGIN_REFUSED],
    ['AUTH', 'is silent', 'silence', UNREACHABLE],
    ['AUTH', 'hangs up', 'drop', UNREACHABLE],
    ['AUTH', 'resets', 'reset', UNREACHABLE],
    ['MAIL', 'says 550', say('550 not you'), REFUSED_FOR_NOW],
    ['MAIL', 'says 530', say('530 log in'), LOGIN_REFUSED],
    ['MAIL', 'says 451', say('451 not now'), REFUSED_FOR_NOW],
    ['MAIL', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['MAIL', 'talks nonsense', say('hello'), UNREACHABLE],
    ['MAIL', 'is silent', 'silence', UNREACHABLE],
    ['MAIL', 'hangs up', 'drop', UNREACHABLE],
    ['MAIL', 'resets', 'reset', UNREACHABLE],
    ['RCPT', 'says 550', say('550 unknown'), REFUSED],
    ['RCPT', 'says 450', say('450 not now'), REFUSED_FOR_NOW],
    ['RCPT', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['RCPT', 'talks nonsense', say('hello'), UNREACHABLE],
    ['RCPT', 'is silent', 'silence', UNREACHABLE],
    ['RCPT', 'hangs up', 'drop', UNREACHABLE],
    ['RCPT', 'resets', 'reset', UNREACHABLE],
    ['DATA', 'says 554', say('554 no'), REFUSED],
    ['DATA', 'says 451', say('451 not now'), REFUSED_FOR_NOW],
    ['DATA', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['DATA', 'talks nonsense', say('hello'), UNREACHABLE],
    ['DATA', 'is silent', 'silence', UNREACHABLE],
    ['DATA', 'hangs up', 'drop', UNREACHABLE],
    ['DATA', 'resets', 'reset', UNREACHABLE],
    ['message', 'says 552 and hangs up', breakOff('552 too big\r\n'), REFUSED],
    ['message', 'is silent and reads no more', 'silence', UNREACHABLE],
    ['message', 'hangs up', 'drop', UNREACHABLE],
    ['message', 'resets', 'reset', UNREACHABLE],
    ['dot', 'says 554', say('554 no'), REFUSED],
    ['dot', 'says 451', say('451 not now'), REFUSED_FOR_NOW],
    ['dot', 'says 421', say('421 busy'), REFUSED_FOR_NOW],
    ['dot', 'breaks off its 554', breakOff('554 no'), REFUSED_FOR_NOW],
    ['dot', 'talks nonsense', say('hello'), ANSWER_LOST],
    ['dot', 'goes on asking', say('354 go on'), ANSWER_LOST],
    ['dot', 'breaks off before it says which', breakOff('25'), ANSWER_LOST],
    ['dot', 'breaks off its 250', breakOff('250 kept'), ANSWER_LOST],
    ['dot', 'is silent', 'silence', ANSWER_LOST],
    ['dot', 'hangs up', 'drop', ANSWER_LOST],
    ['dot', 'resets', 'reset', ANSWER_LOST],
  ])('at %s, where it %s, is judged rightly and arrives when it is sent again', async (at, _what, deed, expected) => {
    const server = await scripted({ at, deed });
    const url = at === 'AUTH' ? server.url.replace('//', '//keys:s3cret@') : server.url;
    const transport = transportTo(url, deed === 'silence' ? { greeting: 400, socket: 400 } : {});
    const error = await mailErrorOf(transport.send(at === 'message' ? bigMail : mail));
    expect(error).toMatchObject(expected);
    expect(server.faults).toEqual([]);
    expect(server.kept).toEqual([]);
    await transport.send(mail);
    expect(server.kept).toEqual([expect.stringContaining(`Message-ID: ${MESSAGE_ID}`)]);
    expect(server.kept[0]).toContain('\r\n.hidden dot\r\n');
  });
});

describe('Copies of a mail whose server keeps it and does not say so', () => {
  it.each<[string, Deed]>([
    ['is silent', 'silence'],
    ['hangs up', 'drop'],
    ['resets', 'reset'],
    ['breaks off its answer', breakOff('250 ke')],
  ])('are one where it %s, and two under one Message-ID if it is sent again', async (_what, deed) => {
    const server = await scripted({ at: 'dot', deed, isKept: true });
    const transport = transportTo(server.url, { socket: 300 });
    expect(await mailErrorOf(transport.send(mail))).toMatchObject(ANSWER_LOST);
    await waiting(300);
    expect(server.kept).toHaveLength(1);
    await transport.send(mail);
    expect(server.kept.map((raw) => /^Message-ID: (.*)$/m.exec(raw)?.[1]?.trim())).toEqual([MESSAGE_ID, MESSAGE_ID]);
  });

  it('are one where it hangs up right after its 250, and the next mail goes over another connection', async () => {
    const server = await scripted({ at: 'dot', deed: breakOff('250 kept\r\n'), isKept: true });
    const transport = transportTo(server.url);
    await transport.send(mail);
    expect(server.kept).toHaveLength(1);
    await transport.send(mail);
    expect(server.kept).toHaveLength(2);
    expect(server.connections).toBe(2);
  });
});

describe('A server that hangs up before its greeting', () => {
  const hangUp: Fault = { at: 'greeting', deed: 'drop' };

  it('once costs nothing', async () => {
    const server = await scripted(hangUp);
    await transportTo(server.url).send(mail);
    expect(server.kept).toHaveLength(1);
  });

  it('again is not asked for long', async () => {
    const server = await scripted(hangUp, hangUp, hangUp);
    expect(await mailErrorOf(transportTo(server.url).send(mail))).toMatchObject(UNREACHABLE);
    expect(server.connections).toBe(2);
  });
});

describe('A connection that has sent a mail before and breaks', () => {
  async function usedConnection() {
    const server = await scripted();
    const transport = transportTo(server.url);
    await transport.send(mail);
    return { server, transport };
  }

  it.each<Stage>(['MAIL', 'RCPT', 'DATA'])('at %s costs nothing: the mail goes over another', async (at) => {
    const { server, transport } = await usedConnection();
    server.faults.push({ at, deed: 'drop' });
    await transport.send(mail);
    expect(server.kept).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it('twice in a row at DATA is told as such, without a second copy', async () => {
    const { server, transport } = await usedConnection();
    server.faults.push({ at: 'DATA', deed: 'drop' }, { at: 'DATA', deed: 'drop' });
    expect(await mailErrorOf(transport.send(mail))).toMatchObject(UNREACHABLE);
    expect(server.kept).toHaveLength(1);
  });

  it.each<[Stage, object]>([
    ['message', UNREACHABLE],
    ['dot', ANSWER_LOST],
  ])('at %s does not send the mail a second time by itself', async (at, expected) => {
    const { server, transport } = await usedConnection();
    server.faults.push({ at, deed: 'drop' });
    expect(await mailErrorOf(transport.send(at === 'dot' ? mail : bigMail))).toMatchObject(expected);
    await waiting(400);
    expect(server.begun).toBe(2);
  });
});

describe('An attempt that is ended by us', () => {
  const AT_ONCE = 2_000;

  async function failsSoon(sending: Promise<unknown>) {
    const started = Date.now();
    const error = await mailErrorOf(sending);
    expect(Date.now() - started).toBeLessThan(AT_ONCE);
    return error;
  }

  it.each<[Stage, object]>([
    ['greeting', UNREACHABLE],
    ['RCPT', UNREACHABLE],
    ['DATA', UNREACHABLE],
    ['message', UNREACHABLE],
    ['dot', ANSWER_LOST],
  ])('at %s, for the time it took, tells whether the mail was out', async (at, expected) => {
    const sent = at === 'message' ? bigMail : mail;
    const own = await scripted({ at, deed: 'silence' });
    const given = await scripted({ at, deed: 'silence' });
    const transport = transportTo(given.url);
    const failures = await Promise.all([
      failsSoon(transportTo(own.url, { send: 400 }).send(sent)),
      failsSoon(transport.send(sent, { withinMs: 400.5 })),
    ]);
    for (const failure of failures) expect(failure).toMatchObject(expected);
    await transport.send(mail, { withinMs: AT_ONCE });
    expect(given.kept).toHaveLength(1);
  });

  it('is never given more time than the transport has', async () => {
    const server = await scripted({ at: 'dot', deed: 'silence' });
    const transport = transportTo(server.url, { send: 300 });
    expect(await failsSoon(transport.send(mail, { withinMs: 60_000 }))).toMatchObject(ANSWER_LOST);
  });

  it('is not begun where no time is left', async () => {
    const server = await scripted();
    expect(await failsSoon(transportTo(server.url).send(mail, { withinMs: -1 }))).toMatchObject(UNREACHABLE);
    expect(server.kept).toEqual([]);
  });

  it('while it waits for a free connection was not out', async () => {
    const server = await scripted(...Array.from({ length: 3 }, (): Fault => ({ at: 'dot', deed: 'silence' })));
    const transport = transportTo(server.url, { close: 0 });
    const stuck = Array.from({ length: 3 }, () => mailErrorOf(transport.send(mail)));
    await eventually(() => server.begun === 3);
    expect(await failsSoon(transport.send(mail, { withinMs: 200 }))).toMatchObject(UNREACHABLE);
    await transport.close();
    for (const error of await Promise.all(stuck)) expect(error).toMatchObject(ANSWER_LOST);
  });

  it.each<[Stage, object]>([
    ['RCPT', UNREACHABLE],
    ['dot', ANSWER_LOST],
  ])('at %s, by closing the transport, tells whether the mail was out', async (at, expected) => {
    const server = await scripted({ at, deed: 'silence' });
    const transport = transportTo(server.url, { close: 200 });
    const failing = failsSoon(transport.send(mail));
    await eventually(() => server.faults.length === 0);
    await transport.close();
    expect(await failing).toMatchObject(expected);
  });
});

describe.each<[string, SMTPServerOptions, (port: number) => string]>([
  ['TLS from the start', { secure: true }, (port) => `smtps://127.0.0.1:${port}?tls.rejectUnauthorized=false`],
  [
    'STARTTLS',
    { disabledCommands: [] },
    (port) => `smtp://127.0.0.1:${port}?requireTLS=true&tls.rejectUnauthorized=false`,
  ],
])('Over %s', (_how, options, urlOf) => {
  const timeouts = { socket: 500 };

  it('a lost answer is told as one', async () => {
    const { port, counts } = await smtpServer({
      ...options,
      onData: (stream) => void stream.on('end', () => (counts.messages += 1)).resume(),
    });
    expect(await mailErrorOf(transportTo(urlOf(port), timeouts).send(mail))).toMatchObject(ANSWER_LOST);
    expect(counts.messages).toBe(1);
  });

  it('a refusal is told as one', async () => {
    const { port } = await smtpServer({
      ...options,
      onData(stream, _session, callback) {
        stream.on('end', () => callback(Object.assign(new Error('no'), { responseCode: 451 }))).resume();
      },
    });
    expect(await mailErrorOf(transportTo(urlOf(port)).send(mail))).toMatchObject(REFUSED_FOR_NOW);
  });

  it('a message that is not read to its end is not out', async () => {
    const { port } = await smtpServer({ ...options, onData: () => undefined });
    expect(await mailErrorOf(transportTo(urlOf(port), timeouts).send(bigMail))).toMatchObject(UNREACHABLE);
  });
});

describe('The end of a message', () => {
  /** A connection whose other end reads nothing until it is told to. */
  async function unread(): Promise<{ ours: Socket; theirs: Socket }> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    const ours = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
    const [theirs] = (await accepted) as [Socket];
    cleanups.push(() => {
      for (const socket of [ours, theirs]) socket.destroy();
      server.close();
    });
    return { ours, theirs };
  }

  /** Pipes a message as the library does. */
  async function piped(socket: Socket) {
    const told = { isOut: false, isRead: false };
    const [content, withDot] = [new PassThrough(), new PassThrough()];
    whenAllIsOut(socket, content, () => (told.isOut = true));
    withDot.pipe(socket, { end: false });
    content.pipe(withDot);
    content.end('Hello\r\n.\r\n');
    withDot.once('end', () => (told.isRead = true));
    await waiting(50);
    return told;
  }

  it('is out at once where nothing is in its way', async () => {
    const { ours } = await unread();
    expect(await piped(ours)).toEqual({ isOut: true, isRead: true });
  });

  it('is not out while the socket holds it, though the stream has ended', async () => {
    const { ours, theirs } = await unread();
    // In pieces that are small enough for a stream not to wait for the socket.
    for (let tries = 0; tries < 3; tries = ours.writableLength === 0 ? 0 : tries + 1) {
      if (ours.writableLength === 0) ours.write(Buffer.alloc(16_384));
      else await waiting(20);
    }
    const told = await piped(ours);
    expect(told).toEqual({ isOut: false, isRead: true });
    theirs.resume();
    await eventually(() => told.isOut);
  });

  it('is never out where the socket was closed before', async () => {
    const { ours } = await unread();
    ours.destroy();
    expect(await piped(ours)).toMatchObject({ isOut: false });
  });
});
