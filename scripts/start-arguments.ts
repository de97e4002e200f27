import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('..', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: { start: string } };
const [, ...given] = scripts.start.split(' ');

/** What Node.js is given where the program is started as `npm start` does it, from any folder. */
export const startArguments: readonly string[] = given.map((argument) =>
  argument.startsWith('--') ? argument : fileURLToPath(new URL(argument, root)),
);
