import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { BatchDeletedMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { counted } from '../wording.js';
import { ifSomebodyWasIn } from './advice.js';
import { originFacts } from './origin-facts.js';

/** Tells that a batch of codes was deleted, by its owner or by an admin. */
export function batchDeleted({ siteName, origin, batchNumber, removed, by }: BatchDeletedMail): RenderedMail {
  const isAdmin = by === 'ADMIN';
  return composeMail({
    siteName,
    subject: `Your recovery codes at ${siteName} were deleted`,
    blocks: [
      paragraph(
        `${isAdmin ? 'An admin has deleted' : 'You have deleted'} a batch of your recovery codes for ${siteName}. ${counted(removed, 'usable code')} went with it; none of them works any more.`,
      ),
      facts(...originFacts(origin), ['Batch', `no. ${batchNumber}`]),
      isAdmin
        ? paragraph('Sign in and issue new ones. If you did not expect this, ask the people who run the site.')
        : ifSomebodyWasIn,
    ],
  });
}
