import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import type { TestApp } from './app.js';
import { eventually } from './eventually.js';

/** A delivered mail with the name that tells copies of it apart. */
export interface DeliveredMail {
  readonly messageId: string;
  readonly subject: string;
  /** In one line. */
  readonly text: string;
}

/** The mails to an address once the outbox holds nothing more that is to be delivered, in the order of their delivery. */
export async function mailbox(app: TestApp, to: string): Promise<DeliveredMail[]> {
  await eventually(async () => {
    const waiting = await app.database.rows('select 1 from outbox where delivered_at is null and failed_at is null');
    return waiting.length === 0;
  });
  const folder = join(app.settings['DATA_DIR'] as string, 'mail');
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) => name.endsWith('.eml'));
  const mails = await Promise.all(
    names.toSorted().map(async (name) => PostalMime.parse(await readFile(join(folder, name)))),
  );
  return mails
    .filter((mail) => mail.to?.[0]?.address === to)
    .map(({ messageId = '', subject = '', text = '' }) => ({ messageId, subject, text: text.replaceAll(/\s+/g, ' ') }));
}
