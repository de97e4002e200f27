import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { CodesExpiringMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { codesLeft } from './codes-left.js';
import { validUntil } from './valid-until.js';

/** Tells that codes stop working in a few days, by themselves. */
export function codesExpiring({ siteName, batchNumber, remaining, expiresAt }: CodesExpiringMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your recovery codes at ${siteName} expire soon`,
    blocks: [
      paragraph(
        `${codesLeft(remaining)} ${remaining === 1 ? 'It is' : 'They are'} accepted until the time below, and no longer.`,
      ),
      facts(['Batch', `no. ${batchNumber}`], validUntil(expiresAt)),
      paragraph(
        `Before that, sign in at ${siteName} and issue new ones, which ends these at once. Then put the new ones in the place of the old.`,
      ),
      paragraph('Nobody has done anything to your account: these codes were issued for a limited time, which ends.'),
    ],
  });
}
