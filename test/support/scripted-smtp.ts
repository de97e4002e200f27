import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { MailError } from '../../src/mail/mail-error.js';

/** Where something goes wrong: before the greeting, in place of an answer to a command, in mid-message, at its final dot. */
export type Stage = 'greeting' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'message' | 'dot';

/**
 * What goes wrong: a wrong answer, after which perhaps the connection is closed; or none, and the connection stays
 * (`silence`), is closed (`drop`) or is reset.
 */
export type Deed = { readonly say: string; readonly isLast?: true } | 'silence' | 'drop' | 'reset';

export interface Fault {
  readonly at: Stage;
  readonly deed: Deed;
  /** Whether a message whose final dot has come is kept all the same. */
  readonly isKept?: boolean;
}

/** Speaks SMTP from a plain socket, rightly but for its faults. */
export interface ScriptedSmtp {
  readonly url: string;
  /** The messages that this server would pass on, with their dots unstuffed. */
  readonly kept: string[];
  /** How many connections there have been. */
  readonly connections: number;
  /** How many messages have begun to come in. */
  readonly begun: number;
  /** What goes wrong next, each once, in this order. */
  readonly faults: Fault[];
  close(): Promise<void>;
}

const RIGHT: Readonly<Record<Stage, string>> = {
  greeting: '220 scripted.example ready',
  EHLO: '250-scripted.example\r\n250 AUTH PLAIN',
  AUTH: '235 welcome',
  MAIL: '250 sender ok',
  RCPT: '250 recipient ok',
  DATA: '354 go on',
  message: '',
  dot: '250 kept as 1',
};

export async function openScriptedSmtp(...script: Fault[]): Promise<ScriptedSmtp> {
  const state = { kept: [] as string[], connections: 0, begun: 0, faults: [...script] };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    state.connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    new Session(socket, state).begin();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: `smtp://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}

class Session {
  #rest = '';
  /** The lines of the message that is coming in. */
  #message: string[] | undefined;
  #isOver = false;

  constructor(
    private readonly socket: Socket,
    private readonly server: { kept: string[]; begun: number; faults: Fault[] },
  ) {}

  begin(): void {
    this.socket.on('data', (chunk) => this.#read(chunk.toString('latin1')));
    this.#reach('greeting');
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#isOver) return;
      if (this.#message === undefined) this.#obey(line);
      else this.#take(line, this.#message);
    }
  }

  #obey(line: string): void {
    const [command = ''] = line.toUpperCase().split(/[ :]/);
    if (command in RIGHT) this.#reach(command as Stage);
    else if (command === 'QUIT') this.socket.end('221 bye\r\n');
    else this.#say('250 ok');
  }

  #take(line: string, message: string[]): void {
    if (line !== '.') {
      message.push(line.replace(/^\./, ''));
      if (message.length === 1) this.#reach('message');
      return;
    }
    this.#message = undefined;
    this.#reach('dot', message.join('\r\n'));
  }

  /** Does what is right at this stage, unless the next fault is of this stage. */
  #reach(stage: Stage, message = ''): void {
    const fault = this.server.faults[0]?.at === stage ? this.server.faults.shift() : undefined;
    if (stage === 'message') this.server.begun += 1;
    if (stage === 'dot' && (fault === undefined || fault.isKept === true)) this.server.kept.push(message);
    if (fault !== undefined) return this.#fail(fault.deed);
    if (stage === 'DATA') this.#message = [];
    if (stage !== 'message') this.#say(RIGHT[stage]);
  }

  #fail(deed: Deed): void {
    if (typeof deed === 'object') return this.#answerWrongly(deed);
    this.#isOver = true;
    if (deed === 'silence') this.socket.pause();
    else if (deed === 'drop') this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #answerWrongly({ say, isLast }: Exclude<Deed, string>): void {
    if (isLast === undefined) return this.#say(say);
    this.#isOver = true;
    // As it is: an answer may break off in the middle.
    this.socket.end(say);
  }

  #say(line: string): void {
    this.socket.write(`${line}\r\n`);
  }
}

/** What a mail that was not sent failed with, once it is certain that it quotes neither the mail nor the server. */
export async function mailErrorOf(sending: Promise<unknown>): Promise<MailError> {
  const error = await sending.then(
    () => new Error('The mail was sent.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MailError)) throw error;
  const told = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
  if (/quotes|ann@example|token|s3cret/.test(told)) throw new Error('The error quotes what was said.');
  return error;
}
