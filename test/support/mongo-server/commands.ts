import type { Document } from 'bson';
import { CATALOG_COMMANDS } from './catalog-commands.ts';
import type { CommandCall, Handler } from './command-call.ts';
import { asCommandError, CommandError, notSupported } from './command-error.ts';
import { READ_COMMANDS } from './read-commands.ts';
import { WRITE_COMMANDS } from './write-commands.ts';

// The oldest that driver 7 talks to, so that it asks for nothing newer (MIN_SUPPORTED_WIRE_VERSION: MongoDB 4.4).
const WIRE_VERSION = 9;

const SERVER_COMMANDS: Readonly<Record<string, Handler>> = {
  // Without `setName` and `msg` the driver takes this for a standalone: no replica set, no change streams.
  hello: () => ({
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    maxBsonObjectSize: 16 * 1024 * 1024,
    maxMessageSizeBytes: 48_000_000,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  }),
  ping: () => ({}),
  buildInfo: () => ({ version: '4.4.0', versionArray: [4, 4, 0, 0], gitVersion: 'not MongoDB', modules: [] }),
  startSession: () => ({}),
  endSessions: () => ({}),
};

const HANDLERS = new Map<string, Handler>(
  Object.entries({ ...SERVER_COMMANDS, ...READ_COMMANDS, ...WRITE_COMMANDS, ...CATALOG_COMMANDS }).map(
    ([name, handler]) => [name.toLowerCase(), handler],
  ),
);
HANDLERS.set('ismaster', SERVER_COMMANDS['hello'] as Handler);

/** The answer to a command, whose changes are durable when this returns. */
export function answer(call: CommandCall): Document {
  try {
    refuseUnsupported(call.command);
    return { ...handlerOf(call.command)(call), ok: 1 };
  } catch (error) {
    return asCommandError(error).toAnswer();
  } finally {
    call.store.commit();
  }
}

function handlerOf(command: Document): Handler {
  const name = Object.keys(command)[0] ?? '';
  const handler = HANDLERS.get(name.toLowerCase());
  if (handler === undefined) throw new CommandError('CommandNotFound', `no such command: '${name}'`);
  return handler;
}

function refuseUnsupported(command: Document): void {
  for (const option of ['collation', 'let']) {
    if (command[option] !== undefined) throw notSupported(`the option '${option}'`);
  }
  if (command['txnNumber'] !== undefined) {
    const message = 'Transaction numbers are only allowed on a replica set member or mongos';
    throw new CommandError('IllegalOperation', message);
  }
}
