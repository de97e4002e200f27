import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { PasswordChangedMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

const DONE = {
  RESET: 'was set anew by a mailed link, and every session was ended',
  CHANGE: 'was changed, and every other session was ended',
} as const;

/** Tells that the account has another password. */
export function passwordChanged({ siteName, origin, by }: PasswordChangedMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your password at ${siteName} was changed`,
    blocks: [
      paragraph(`The password of your account at ${siteName} ${DONE[by]}.`),
      facts(...originFacts(origin)),
      paragraph(
        'If this was not you, somebody has been in your account or in your mailbox. Make your mailbox safe, have a new link to set a password mailed to you, and issue new recovery codes.',
      ),
    ],
  });
}
