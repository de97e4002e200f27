import { composeMail } from '../compose-mail.js';
import { durationText } from '../duration-text.js';
import { facts, paragraph } from '../mail-content.js';
import type { LockedOutMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { ifSomebodyIsGuessing } from './advice.js';
import { originFacts } from './origin-facts.js';

const CREDENTIALS = { PASSWORD: 'passwords', RECOVERY_CODE: 'recovery codes' } as const;

/** Tells that attempts from one network address are refused for a while. */
export function lockedOut({ siteName, origin, credential, waitSeconds }: LockedOutMail): RenderedMail {
  const what = CREDENTIALS[credential];
  return composeMail({
    siteName,
    subject: `Too many wrong ${what} for your account at ${siteName}`,
    blocks: [
      paragraph(
        `Too many wrong ${what} were tried for your account at ${siteName}, so further ones from the same network address are refused.`,
      ),
      facts(...originFacts(origin), ['Refused for', durationText(waitSeconds)]),
      paragraph('If it was you, wait that long and try again; each attempt before that makes the wait longer.'),
      ifSomebodyIsGuessing,
      paragraph('However long it goes on, you get at most one mail like this in 24 hours.'),
    ],
  });
}
