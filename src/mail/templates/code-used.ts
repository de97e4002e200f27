import { composeMail } from '../compose-mail.js';
import { facts, paragraph, type Fact, type MailBlock } from '../mail-content.js';
import type { CodeUsedMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { ifCodesAreKnown } from './advice.js';
import { codesLeft } from './codes-left.js';
import { originFacts } from './origin-facts.js';

/** Tells that a recovery code was spent. */
export function codeUsed(input: CodeUsedMail): RenderedMail {
  return composeMail({
    siteName: input.siteName,
    subject: `A recovery code of yours was used at ${input.siteName}`,
    blocks: [
      paragraph(`One of your recovery codes for ${input.siteName} was used. It cannot be used again.`),
      ...spentCode(input),
    ],
  });
}

/** Tells that a recovery code opened a session. */
export function signedInByCode(input: CodeUsedMail): RenderedMail {
  return composeMail({
    siteName: input.siteName,
    subject: `Signed in with a recovery code at ${input.siteName}`,
    blocks: [
      paragraph(`Somebody signed in to your account at ${input.siteName} with one of your recovery codes.`),
      ...spentCode(input),
    ],
  });
}

function spentCode({ origin, code, remaining }: CodeUsedMail): MailBlock[] {
  const place: Fact[] = code === undefined ? [] : [['Code', `no. ${code.position} of batch ${code.batchNumber}`]];
  return [facts(...originFacts(origin), ...place), paragraph(codesLeft(remaining)), ifCodesAreKnown];
}
