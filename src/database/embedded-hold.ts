import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { APP_ROLE, type Home } from './embedded-home.js';
import {
  isServed,
  readPostmaster,
  shutDown,
  spawnServer,
  usesSocket,
  type ServerOptions,
  type SpawnedServer,
} from './embedded-server.js';

/** Takes what is worth telling the operator. A pino logger fits. */
export interface EmbeddedLog {
  info(message: string): void;
  warn(message: string): void;
}

const ANSWER_WITHIN_MS = 60_000;
const CONNECT_WITHIN_MS = 5000;
const ASK_EVERY_MS = 10;
const RETRY_AFTER_MS = 100;
const MOST_FAILED_STARTS = 5;
// Any number will do: it is the only lock in the database postgres, which Sparekey uses for nothing else.
const LOCK = 1;

/**
 * This process's share in the embedded server of one home: a connection with a shared lock, which PostgreSQL takes back
 * from a process that dies. Whoever can have the lock alone is the last one.
 */
export class ServerHold {
  readonly #options: ServerOptions & Home;
  readonly #log: EmbeddedLog;
  #client: pg.Client | undefined;
  #socket: Socket | undefined;
  #server: SpawnedServer | undefined;
  #failedStarts = 0;
  #recovery: Promise<void> | undefined;
  #release: Promise<void> | undefined;

  constructor(options: ServerOptions & Home, log: EmbeddedLog) {
    this.#options = options;
    this.#log = log;
  }

  /**
   * Waits until the server answers, and starts it where nobody else does.
   *
   * @returns the connection string of the application's role
   * @throws when the server cannot start, or does not answer within 60 s
   */
  async take(): Promise<string> {
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    this.#failedStarts = 0;
    while (!this.#release && !(await this.#connect())) {
      if (!isAlive(this.#server?.process) && !(await isServed(this.#options))) await this.#startServer();
      if (Date.now() > deadline) throw await this.#startFailure();
      await delay(ASK_EVERY_MS);
    }
    return this.#url();
  }

  /** Gives the share back, and stops the server if it was the last one. */
  async release(): Promise<void> {
    this.#release ??= this.#giveBack();
    return this.#release;
  }

  async #giveBack(): Promise<void> {
    await this.#recovery;
    this.#socket?.ref();
    const client = this.#client;
    const isUnused = client ? await isOnlyUser(client) : isAlive(this.#server?.process);
    if (isUnused) await shutDown(this.#options.dataFolder);
    this.#server?.leave();
    await client?.end().catch(() => undefined);
  }

  async #startServer(): Promise<void> {
    // Right after a crash the next server is refused until the last parts of the old one are gone.
    if (this.#server) await delay(RETRY_AFTER_MS * this.#failedStarts++);
    if (this.#failedStarts > MOST_FAILED_STARTS) throw await this.#startFailure();
    this.#server = await spawnServer(this.#options);
  }

  async #connect(): Promise<boolean> {
    const address = await this.#address();
    if (!address) return false;
    const socket = new Socket();
    const client = new pg.Client({
      ...address,
      stream: () => socket,
      user: APP_ROLE,
      password: this.#options.appPassword,
      database: 'postgres',
      ssl: false,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT pg_advisory_lock_shared($1)', [LOCK]);
    } catch (error) {
      await client.end().catch(() => undefined);
      if (isRefusal(error)) throw error;
      return false;
    }
    // Alone it keeps no process running; giving it back does.
    socket.unref();
    client.once('end', () => this.#recover());
    this.#client = client;
    this.#socket = socket;
    return true;
  }

  async #address(): Promise<{ host: string; port: number } | undefined> {
    const { folder, dataFolder } = this.#options;
    const postmaster = await readPostmaster(dataFolder);
    return postmaster && { host: usesSocket(folder) ? folder : '127.0.0.1', port: postmaster.port };
  }

  async #url(): Promise<string> {
    const { host, port } = (await this.#address()) ?? { host: '', port: 0 };
    // The host that URL parsers ask for gives way to the parameter, which may be a folder.
    const url = new URL(`postgresql://${APP_ROLE}:${this.#options.appPassword}@localhost:${port}/${APP_ROLE}`);
    url.searchParams.set('host', host);
    return url.href;
  }

  #recover(): void {
    this.#client = undefined;
    if (this.#release) return;
    this.#recovery = this.#takeAgain();
  }

  async #takeAgain(): Promise<void> {
    this.#log.warn('the embedded PostgreSQL has closed the connection: trying to reach it again, or to restart it');
    while (!this.#release && !this.#client) {
      await delay(RETRY_AFTER_MS);
      await this.take().catch((error: unknown) => this.#log.warn(String(error)));
    }
    if (this.#client) this.#log.info('the embedded PostgreSQL answers again');
  }

  async #startFailure(): Promise<Error> {
    const { logFile } = this.#options;
    const log = await readFile(logFile).catch(() => Buffer.alloc(0));
    const lines = log.subarray(this.#server?.logStart).toString().trim().split('\n');
    const reason = lines.find((line) => line.includes('FATAL')) ?? lines.at(-1) ?? '';
    return new Error(`the embedded PostgreSQL did not start, see ${logFile}: ${reason}`);
  }
}

function isAlive(child: ChildProcess | undefined): boolean {
  return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Everything but a server that is not there yet, starts or stops (class 57) is a reason not to try again. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !error.code?.startsWith('57');
}

async function isOnlyUser(client: pg.Client): Promise<boolean> {
  try {
    await client.query('SELECT pg_advisory_unlock_shared($1)', [LOCK]);
    const { rows } = await client.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1) AS alone', [LOCK]);
    return rows[0]?.alone === true;
  } catch {
    return false;
  }
}
