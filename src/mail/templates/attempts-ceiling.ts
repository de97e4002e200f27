import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { AttemptsCeilingMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { ifSomebodyIsGuessing } from './advice.js';
import { originFacts } from './origin-facts.js';

/** Tells that so many wrong passwords came in a row that passwords are refused from addresses that the account does not know. */
export function passwordAttemptsCeiling({ siteName, origin, failures }: AttemptsCeilingMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Passwords are being refused for your account at ${siteName}`,
    blocks: [
      paragraph(
        `Wrong passwords have been tried for your account at ${siteName} again and again. Passwords are now refused, even the right one, except from a network address that you signed in from in the last 30 days.`,
      ),
      facts(...originFacts(origin), ['Wrong passwords in a row', String(failures)]),
      paragraph('Sign in from where you usually do. Your recovery codes are not affected.'),
      ifSomebodyIsGuessing,
    ],
  });
}

/** Tells that very many wrong codes came in a row. Codes stay accepted: strangers must not be able to close the last way in. */
export function codeAttemptsCeiling({ siteName, origin, failures }: AttemptsCeilingMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Many wrong recovery codes for your account at ${siteName}`,
    blocks: [
      paragraph(
        `Wrong recovery codes have been tried for your account at ${siteName} again and again. Your codes are too long to be guessed and go on working.`,
      ),
      facts(...originFacts(origin), ['Wrong codes in a row', String(failures)]),
      ifSomebodyIsGuessing,
      paragraph('However long it goes on, you get at most one mail like this in a day.'),
    ],
  });
}
