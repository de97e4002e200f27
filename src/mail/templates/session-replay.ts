import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { ifSomebodyWasIn } from './advice.js';
import { originFacts } from './origin-facts.js';

/** Tells that a refresh token came back after it had been exchanged, and that its session was ended for that. */
export function sessionReplay({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `A session of yours at ${siteName} was ended`,
    blocks: [
      paragraph(
        `A key that had already been exchanged for a new one was shown to ${siteName} again. Two programs hold it, and one of them may not be yours, so the session was ended for both.`,
      ),
      facts(...originFacts(origin)),
      paragraph(
        'Sign in again to go on. An app that lost its connection at the wrong moment can cause this too; if it happens once, right when your app had trouble, that is the likely reason.',
      ),
      ifSomebodyWasIn,
    ],
  });
}
