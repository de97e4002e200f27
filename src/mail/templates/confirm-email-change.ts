import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { facts, link, paragraph } from '../mail-content.js';
import type { EmailChangeMail, LinkMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

/** Asks the current address whether the account may leave it. */
export function confirmEmailChange(input: EmailChangeMail): RenderedMail {
  const { siteName, origin, newEmail, link: url, validForSeconds } = input;
  return composeMail({
    siteName,
    subject: `Confirm the new address of your account at ${siteName}`,
    blocks: [
      paragraph(
        `Your account at ${siteName} is to get another e-mail address. Nothing changes until both addresses have confirmed it, this one by the page below.`,
      ),
      facts(['New address', newEmail], ...originFacts(origin)),
      link('Confirm the change', url),
      paragraph(`The link works once, for ${durationText(validForSeconds)}.`),
      paragraph(
        'If this was not you, do not confirm: somebody knows your password. Sign in now, cancel the change, and change your password, which ends all other sessions and takes the change back too.',
      ),
    ],
  });
}

/** Asks whoever reads the new mailbox whether an account may come to it. */
export function confirmNewAddress({ siteName, link: url, validForSeconds }: LinkMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Confirm your new address for ${siteName}`,
    blocks: [
      paragraph(
        `This address was given as the new one of an account at ${siteName}. If it was you, confirm it by the page below. The other address has to confirm too; then the account is reached by this one.`,
      ),
      link('Confirm this address', url),
      paragraph(`The link works once, for ${durationText(validForSeconds)}.`),
      paragraph('If it was not you, do nothing: without your confirmation the account stays where it is.'),
    ],
  });
}
