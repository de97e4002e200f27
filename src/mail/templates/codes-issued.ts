import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { CodesIssuedMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { counted } from '../wording.js';
import { ifSomebodyWasIn } from './advice.js';
import { originFacts } from './origin-facts.js';
import { validUntil } from './valid-until.js';

/** Tells that new codes exist, and whether older ones ended with that. */
export function codesIssued(input: CodesIssuedMail): RenderedMail {
  const earlier = input.isReplacement ? ' Codes that you had before no longer work.' : '';
  return composeMail({
    siteName: input.siteName,
    subject: `New recovery codes at ${input.siteName}`,
    blocks: [
      paragraph(
        `${counted(input.count, 'recovery code')} for ${input.siteName} ${input.count === 1 ? 'was' : 'were'} issued.${earlier}`,
      ),
      facts(...originFacts(input.origin), ['Batch', `no. ${input.batchNumber}`], validUntil(input.expiresAt)),
      paragraph('Keep them where you can reach them without your phone and without this account.'),
      ifSomebodyWasIn,
    ],
  });
}
