import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { link, paragraph } from '../mail-content.js';
import type { LinkMail, RenderedMail } from '../../domain/mail/mail-inputs.js';

/** For an address that is verified but has no password: it was registered more than once, so none could be kept. */
export function setYourPassword({ siteName, link: url, validForSeconds }: LinkMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Set your password for ${siteName}`,
    blocks: [
      paragraph(
        `Your address is confirmed. It had been registered more than once, so ${siteName} kept none of the passwords that were given: one of them may not be yours. Set one now.`,
      ),
      link('Set a password', url),
      paragraph(
        `The link works once, for ${durationText(validForSeconds)}. Until a password is set, none is accepted for this account.`,
      ),
      paragraph('If you did not confirm this address, do nothing: without a password nobody can sign in with one.'),
    ],
  });
}
