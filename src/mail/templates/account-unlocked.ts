import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

/** Tells that an admin has lifted a lock-out. */
export function accountUnlocked({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your account at ${siteName} is unlocked`,
    blocks: [
      paragraph(`An admin of ${siteName} has unlocked your account: you can sign in and use your codes again at once.`),
      facts(...originFacts(origin)),
      paragraph(
        'Your password and your codes are what they were. If you did not ask for this, ask the people who run the site why it was done.',
      ),
    ],
  });
}
