import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

/** Tells the new address that the account has come to it. */
export function emailChanged({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your account at ${siteName} has a new address`,
    blocks: [
      paragraph(
        `Both addresses have confirmed: from now on you sign in to ${siteName} with this one, and mails come to it. Your password and your recovery codes are what they were.`,
      ),
      facts(...originFacts(origin)),
      paragraph('Other sessions were ended; sign in again where you need it.'),
      paragraph(
        'If this was not you, somebody reads your mail and has confirmed for you. Make this mailbox safe, and ask the people who run the site to delete the account.',
      ),
    ],
  });
}

/** Tells the old address that the account has left it. */
export function oldAddressLeft({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your account at ${siteName} has left this address`,
    blocks: [
      paragraph(
        `Both addresses have confirmed: your account at ${siteName} has another e-mail address from now on. This one no longer signs in, and gets no more mails about it.`,
      ),
      facts(...originFacts(origin)),
      paragraph(
        'If this was not you, somebody knows your password and reads your mail. Make this mailbox safe, and ask the people who run the site for help: they can see where the account went.',
      ),
    ],
  });
}
