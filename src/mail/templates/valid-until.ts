import type { MailTime } from '../../domain/mail/mail-inputs.js';
import type { Fact } from '../mail-content.js';
import { utcText } from '../wording.js';

/** Until when codes are accepted. */
export function validUntil(expiresAt: MailTime | null): Fact {
  return ['Valid until', expiresAt === null ? 'no end' : utcText(expiresAt)];
}
