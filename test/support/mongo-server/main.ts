// A server that speaks MongoDB's wire protocol, for tests: main.ts --file <where its data are> [--port <0 for a free one>].
// It writes one line of JSON when it is ready, takes the orders `cut` and `mend` as lines, and ends with its input.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { compareBinariesByBytes } from './binary-text.ts';
import { ChangeLog } from './change-log.ts';
import { answer } from './commands.ts';
import { Cursors } from './cursors.ts';
import { Listener } from './listener.ts';
import { Store } from './store.ts';

const { values } = parseArgs({ options: { file: { type: 'string' }, port: { type: 'string', default: '0' } } });
if (values.file === undefined) throw new Error('--file is missing.');

compareBinariesByBytes();
const store = new Store(new ChangeLog(values.file));
const cursors = new Cursors();
const listener = new Listener(({ database, command }) => answer({ store, cursors, database, command }));

const say = (message: object) => void process.stdout.write(`${JSON.stringify(message)}\n`);
say({ port: await listener.listen(Number(values.port)) });

for await (const order of createInterface(process.stdin)) {
  if (order === 'cut') await listener.cut();
  else if (order === 'mend') await listener.mend();
  say({ done: order });
}
process.exit();
