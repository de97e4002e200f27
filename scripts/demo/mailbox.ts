import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './demo-error.ts';

export interface Mail {
  readonly subject: string;
  /** The token in the mail's link. */
  readonly token: string;
}

const WAIT_MS = 15_000;
const LOOK_EVERY_MS = 50;

/**
 * The first mail with a link to this address among the server's mail files; waits until it is there.
 * @throws DemoError when none comes.
 */
export async function awaitMail(folder: string, to: string): Promise<Mail> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline;) {
    for (const text of await readMails(folder)) {
      const mail = mailFor(to, text);
      if (mail !== undefined) return mail;
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new DemoError(
    `No mail to ${to} came into ${folder} within ${WAIT_MS / 1000} s. Is that where this server puts its mails (--mail-dir tells), ` +
      'or does it send them by SMTP, or has this machine asked it for 20 mails within the hour?',
  );
}

async function readMails(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith('.eml'));
  return await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
}

function mailFor(to: string, text: string): Mail | undefined {
  if (!new RegExp(String.raw`^To:.*\b${to}\b`, 'im').test(text)) return undefined;
  const token = /#token=([\w-]+)/.exec(unquoted(text))?.[1];
  const subject = /^Subject: (.+?)\r?$/m.exec(text)?.[1] ?? '';
  return token === undefined ? undefined : { subject, token };
}

/** Quoted-printable text as it reads. */
function unquoted(text: string): string {
  return text
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([\dA-F]{2})/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
