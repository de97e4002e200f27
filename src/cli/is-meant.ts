import { createInterface } from 'node:readline/promises';
import { BadUserInputError } from '../domain/errors.js';

/** Asks whoever sits at the terminal. @throws BadUserInputError where nobody does, and --yes was not given */
export async function isMeant(question: string): Promise<boolean> {
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
