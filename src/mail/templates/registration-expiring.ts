import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { facts, link, paragraph } from '../mail-content.js';
import type { RegistrationExpiringMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { utcText } from '../wording.js';

/** Tells an address that was registered and never confirmed that its account goes in a few days. */
export function registrationExpiring(input: RegistrationExpiringMail): RenderedMail {
  const { siteName, link: url, validForSeconds, endsAt } = input;
  return composeMail({
    siteName,
    subject: `Your registration at ${siteName} is not confirmed yet`,
    blocks: [
      paragraph(
        `An account at ${siteName} was registered with this address and never confirmed. It will be removed at the time below, and nobody will be told again.`,
      ),
      facts(['Removed from', utcText(endsAt)]),
      paragraph('If it was you and you want to keep it, open the page below and confirm.'),
      link('Confirm this address', url),
      paragraph(
        `The link works once, for ${durationText(validForSeconds)}. If you come later, sign in at ${siteName}: a new one is mailed to you then.`,
      ),
      paragraph('If it was not you, do nothing: the account goes by itself.'),
    ],
  });
}
