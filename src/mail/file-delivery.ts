import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import type { Delivery } from './delivery.js';
import { MailError } from './mail-error.js';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

/** "Delivers" each mail as one .eml file that only the owner can read and that is there as a whole or not at all. */
export function fileDelivery(folder: string): Delivery {
  const composer = createTransport({
    streamTransport: true,
    buffer: true,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async deliver(message, { fileName }) {
      const composed = await composer.sendMail(message).catch(() => {
        throw new MailError('INVALID_MAIL');
      });
      await orNotWritten(async () => {
        await makeFolder(folder);
        await writeWhole(folder, fileName, composed.message as Buffer);
      });
    },
    verify: () => orNotWritten(() => makeFolder(folder)),
    close: () => Promise.resolve(),
  };
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  await chmod(folder, OWNER_ONLY_FOLDER);
}

async function writeWhole(folder: string, fileName: string, content: Buffer): Promise<void> {
  const unfinished = join(folder, `.${fileName}.tmp`);
  try {
    await writeFile(unfinished, content, { mode: OWNER_ONLY_FILE, flag: 'wx' });
    await rename(unfinished, join(folder, fileName));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function orNotWritten(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch {
    throw new MailError('NOT_WRITTEN');
  }
}
