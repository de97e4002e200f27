import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { link, paragraph } from '../mail-content.js';
import type { LinkMail, RenderedMail } from '../../domain/mail/mail-inputs.js';

/** For whoever asked for a new password, and reads this mailbox. */
export function resetPassword({ siteName, link: url, validForSeconds }: LinkMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Set a new password for ${siteName}`,
    blocks: [
      paragraph(
        `Somebody asked for a new password for your account at ${siteName}. If it was you, open the page below and choose one.`,
      ),
      link('Set a new password', url),
      paragraph(
        `The link works once, for ${durationText(validForSeconds)}; asking again makes a new one take its place. All sessions end when the password is set.`,
      ),
      paragraph('If it was not you, do nothing: without the link your password stays as it is.'),
    ],
  });
}
