import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

/** Tells the owner of a verified address that another account was to get it. Holds no token. */
export function addressWanted({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `Your address was given for another account at ${siteName}`,
    blocks: [
      paragraph(
        `Somebody wanted to give another account at ${siteName} this address, which your account has. Nothing was changed.`,
      ),
      facts(...originFacts(origin)),
      paragraph(
        'If it was you, use one account or the other: an address belongs to one of them. To give this one away, change the address of this account first, or delete it.',
      ),
      paragraph('If it was not you, there is nothing to do: nobody got in, and they were not told that you are here.'),
    ],
  });
}
