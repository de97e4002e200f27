import { composeMail } from '../compose-mail.js';
import { codeList, facts, paragraph } from '../mail-content.js';
import type { RecoveryCodesMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { utcText } from '../wording.js';
import { ifNotAskedFor } from './advice.js';
import { validUntil } from './valid-until.js';

/** The codes themselves, to the owner who asked for them. */
export function recoveryCodes(input: RecoveryCodesMail): RenderedMail {
  const { siteName, account, batchNumber, issuedAt, expiresAt, codes } = input;
  return composeMail({
    siteName,
    subject: `Your recovery codes for ${siteName}`,
    blocks: [
      paragraph(`Hello ${account},`),
      paragraph(
        `these are your recovery codes for ${siteName}. Each of them gets you into your account once, in any order, when you have lost your other means of signing in.`,
      ),
      codeList(codes),
      facts(['Batch', `no. ${batchNumber}`], ['Issued', utcText(issuedAt)], validUntil(expiresAt)),
      paragraph('Codes that you had before no longer work.'),
      paragraph(
        'Keep these safe, where you can reach them without your phone and without this account. Then delete this mail: whoever reads it can use them.',
      ),
      ifNotAskedFor,
    ],
  });
}
