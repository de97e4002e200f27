import { createInterface } from 'node:readline/promises';
import { BadUserInputError } from '../domain/errors.js';

export interface Insistence {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly noinput?: boolean;
}

/**
 * Whether it may be gone on: nothing would be removed, --yes says so, or whoever sits at the terminal does.
 * @throws BadUserInputError where nobody sits there
 */
export async function isMeant({ dryRun, yes, noinput }: Insistence, question: string): Promise<boolean> {
  if (dryRun === true || yes === true || noinput === true) return true;
  if (!process.stdin.isTTY)
    throw new BadUserInputError('--yes', 'Nobody can be asked here: give --yes if you mean it.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [yes/no]: `);
    return ['y', 'yes'].includes(answer.trim().toLowerCase());
  } finally {
    terminal.close();
  }
}
