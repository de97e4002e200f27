import type { Fact } from '../mail-content.js';
import type { MailOrigin } from '../../domain/mail/mail-inputs.js';
import { utcText } from '../wording.js';

/** Time, network address and browser, as far as they may be told. */
export function originFacts(origin: MailOrigin): Fact[] {
  const rows: Fact[] = [['Time', utcText(origin.at)]];
  if (origin.address !== null) rows.push(['Network address', origin.address]);
  if (origin.address !== null || origin.client !== null) rows.push(['Browser', origin.client ?? 'not recognised']);
  return rows;
}
