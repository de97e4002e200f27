import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { CodesLowMail, NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { ifCodesAreKnown } from './advice.js';
import { codesLeft } from './codes-left.js';
import { originFacts } from './origin-facts.js';

/** Tells that few codes are left. */
export function codesLow({ siteName, origin, remaining }: CodesLowMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `You have few recovery codes left at ${siteName}`,
    blocks: [
      paragraph(`${codesLeft(remaining)} Sign in and issue new ones, which ends the old ones, before you need them.`),
      facts(...originFacts(origin)),
      ifCodesAreKnown,
    ],
  });
}

/** Tells that the last code is gone. */
export function codesEmpty({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `You have no recovery code left at ${siteName}`,
    blocks: [
      paragraph(
        `${codesLeft(0)} Until you do, you cannot get into your account with a recovery code when you lose your other means of signing in.`,
      ),
      facts(...originFacts(origin)),
      ifCodesAreKnown,
    ],
  });
}
