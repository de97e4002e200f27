import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { NoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

/** Tells the owner of a verified address that somebody tried to register it again. Holds no token. */
export function alreadyRegistered({ siteName, origin }: NoticeMail): RenderedMail {
  return composeMail({
    siteName,
    subject: `You already have an account at ${siteName}`,
    blocks: [
      paragraph(
        `Somebody tried to register an account at ${siteName} with this address, which already has one. Nothing was changed.`,
      ),
      facts(...originFacts(origin)),
      paragraph('If it was you, sign in instead: there is no need to register again.'),
      paragraph('If it was not you, there is nothing to do: nobody got in, and they were not told that you are here.'),
    ],
  });
}
