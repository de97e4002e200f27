import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { GraphQLFormattedError } from 'graphql';
import PostalMime from 'postal-mime';
import { type App, createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config/load-config.js';
import { createLogger } from '../../src/server/logger.js';
import { makeDatabase, type TestDatabase } from './database.js';

export interface Answer<T = Record<string, any>> {
  readonly status: number;
  readonly data: T;
  readonly errors: readonly GraphQLFormattedError[];
  /** extensions.code of the first error. */
  readonly code: string | undefined;
  readonly text: string;
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The token of the link in it. */
  readonly token: string | undefined;
}

/** A whole server on a port of its own, with a database of its own. */
export interface TestApp {
  readonly url: string;
  readonly app: App;
  readonly database: TestDatabase;
  /** The settings it runs with, for another process beside it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Everything logged so far, one line each. */
  readonly log: string[];
  post<T = Record<string, any>>(
    query: string,
    variables?: Record<string, unknown>,
    options?: { token?: string | undefined; headers?: Record<string, string> },
  ): Promise<Answer<T>>;
  /** Mails delivered so far to an address, oldest first; waits until there are so many. */
  mails(to: string, atLeast?: number): Promise<Mail[]>;
  close(): Promise<void>;
}

export const ADMIN_EMAIL = 'admin@localhost';
export const ADMIN_PASSWORD = 'correct horse battery staple';

/** What tests set unless they say otherwise: no wait between issues that a test did not ask for. */
const DEFAULTS = {
  PORT: '0',
  ADMIN_PASSWORD,
  LOG_LEVEL: 'debug',
  ADDRESS_FAILURES_PER_HOUR: '100000',
  OIDC_ALLOW_LOOPBACK: 'true',
};

export async function startTestApp(
  overrides: Record<string, string> = {},
  shared?: { database?: TestDatabase },
): Promise<TestApp> {
  const database = shared?.database ?? (await makeDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'sparekey-app-'));
  const settings = { DATABASE_URL: database.url, DATA_DIR: dataDir, ...DEFAULTS, ...overrides };
  const { config, problems } = loadConfig(settings);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const log: string[] = [];
  const sink = new Writable({ write: (chunk, _encoding, done) => (log.push(String(chunk)), done()) });
  const app = await createApp(config, createLogger(config.server.logLevel, sink));
  const { url } = await app.start();
  return {
    url: url as string,
    app,
    database,
    settings,
    log,
    post: (query, variables, options) => post(url as string, { query, variables, ...options }) as never,
    mails: (to, atLeast = 1) => mailsTo(join(dataDir, 'mail'), to, atLeast),
    close: async () => {
      await app.close();
      if (shared?.database === undefined) await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export async function post(
  url: string,
  request: {
    query: string;
    variables?: Record<string, unknown> | undefined;
    token?: string | undefined;
    headers?: Record<string, string>;
  },
): Promise<Answer> {
  const { query, variables, token, headers } = request;
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const body = JSON.parse(text);
  const errors = body.errors ?? [];
  return { status: response.status, data: body.data, errors, code: errors[0]?.extensions?.code, text };
}

async function mailsTo(dir: string, to: string, atLeast: number): Promise<Mail[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const mails = (await readMails(dir)).filter((mail) => mail.to === to);
    if (mails.length >= atLeast || Date.now() > deadline) return mails;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function readMails(dir: string): Promise<Mail[]> {
  const names = await readdir(dir).catch(() => [] as string[]);
  const files = names.filter((name) => name.endsWith('.eml')).toSorted();
  return await Promise.all(
    files.map(async (name) => {
      const mail = await PostalMime.parse(await readFile(join(dir, name)));
      const text = mail.text ?? '';
      const to = mail.to?.[0]?.address ?? '';
      return { to, subject: mail.subject ?? '', text, token: /#token=([\w-]+)/.exec(text)?.[1] };
    }),
  );
}
