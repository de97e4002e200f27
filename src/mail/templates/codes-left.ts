import { counted } from '../wording.js';

/** "3 recovery codes are left.", and what to do when that is few or none. */
export function codesLeft(remaining: number): string {
  if (remaining === 0) return 'No recovery code is left. Issue new ones now.';
  return `${counted(remaining, 'recovery code')} ${remaining === 1 ? 'is' : 'are'} left.`;
}
