import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { link, paragraph } from '../mail-content.js';
import type { LinkMail, RenderedMail } from '../../domain/mail/mail-inputs.js';

/** Asks whoever reads this mailbox to confirm a registration. */
export function verifyEmail({ siteName, link: url, validForSeconds }: LinkMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Confirm your e-mail address for ${siteName}`,
    blocks: [
      paragraph(
        `This address was given to register an account at ${siteName}. If it was you, open the page below, type the password that you chose and confirm.`,
      ),
      link('Confirm this address', url),
      paragraph(`The link works once, for ${durationText(validForSeconds)}.`),
      paragraph('If it was not you, do not open it and do nothing: without your confirmation there is no account.'),
    ],
  });
}
