import { randomUUID } from 'node:crypto';
import argon2 from 'argon2';
import type { TestApp } from './app.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD } from './app.js';
import { eventually } from './eventually.js';

export const PASSWORD = 'a password for the tests 1';
let passwordHash: Promise<string> | undefined;

/** A server and its database. */
type Asked = Pick<TestApp, 'database' | 'post'>;

export interface TestAccount {
  readonly id: string;
  readonly email: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly sessionId: string;
}

export interface TestBatch {
  readonly id: string;
  readonly codes: readonly string[];
}

const SIGN_IN = `mutation($email: String!, $password: String!) {
  signIn(email: $email, password: $password) { accessToken refreshToken account { id } session { id } }
}`;

/** A verified account with the password PASSWORD, and a session of it. */
export async function makeAccount(app: Asked, { email = `${randomUUID()}@example.org` } = {}): Promise<TestAccount> {
  passwordHash ??= argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  await app.database.rows(
    `insert into accounts (id, email, email_key, password_hash, email_verified_at) values ($1, $2, lower($2), $3, now())`,
    [randomUUID(), email, await passwordHash],
  );
  return await signIn(app, email, PASSWORD);
}

export async function signInAsAdmin(app: Asked): Promise<TestAccount> {
  return await signIn(app, ADMIN_EMAIL, ADMIN_PASSWORD);
}

export async function signIn(app: Asked, email: string, password: string): Promise<TestAccount> {
  const { data, errors } = await app.post(SIGN_IN, { email, password });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { accessToken, refreshToken, account, session } = data['signIn'];
  return { id: account.id, email, token: accessToken, refreshToken, sessionId: session.id };
}

/** As if the session had been opened an hour ago, known to the server: whoever is in it has to prove who it is once more. */
export async function ageSession({ app, database }: TestApp, { token, sessionId }: TestAccount): Promise<void> {
  // The word of an end makes the server forget what it knew of it.
  await database.rows(
    `with aged as (update sessions set authenticated_at = now() - interval '1 hour' where id = $1 returning id)
     select pg_notify('sparekey_session_ended', id::text) from aged`,
    [sessionId],
  );
  const origin = { address: undefined, network: undefined, userAgent: undefined };
  await eventually(async () => {
    const viewer = await app.services.authentication.viewerOf({ bearer: token, origin });
    return viewer.kind === 'signed-in' && viewer.secondsSinceAuthentication >= 3_600;
  });
}

/** Issues a batch, past whatever cooldown is open. */
export async function issue(app: Asked, account: TestAccount, expiresInDays?: number): Promise<TestBatch> {
  await app.database.rows('update rate_limits set blocked_until = null where blocked_until is not null');
  const { data, errors } = await app.post(
    'mutation($input: GenerateRecoveryCodesInput) { generateRecoveryCodes(input: $input) { batch { id } codes { code } } }',
    { input: { expiresInDays } },
    { token: account.token },
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { batch, codes } = data['generateRecoveryCodes'];
  return { id: batch.id, codes: codes.map((entry: { code: string }) => entry.code) };
}
