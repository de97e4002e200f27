import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { PASSWORD } from './accounts.js';
import type { Answer, Mail, TestApp } from './app.js';
import { from } from './client-origin.js';
import { eventually } from './eventually.js';

/** Which server is asked, as whom, and from where: an address of its own unless said otherwise. */
export interface At {
  readonly on: TestApp;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

export const NEW_PASSWORD = 'another password, 2 of 2';
export const ACKNOWLEDGED = { acknowledged: true };

export const newEmail = () => `${randomUUID()}@example.org`;

function post({ on, token, headers = from() }: At, query: string, variables: Record<string, unknown>): Promise<Answer> {
  return on.post(query, variables, { token, headers });
}

export const requestReset = (at: At, email: string) =>
  post(at, 'mutation($email: String!) { requestPasswordReset(email: $email) { acknowledged } }', { email });

export const resetPassword = (
  at: At,
  token: string | undefined,
  newPassword = NEW_PASSWORD,
  revokeRecoveryCodes?: boolean,
) =>
  post(
    at,
    `mutation($token: String!, $newPassword: String!, $revokeRecoveryCodes: Boolean) {
      resetPassword(token: $token, newPassword: $newPassword, revokeRecoveryCodes: $revokeRecoveryCodes) { acknowledged } }`,
    { token, newPassword, revokeRecoveryCodes },
  );

export const changePassword = (
  at: At,
  { currentPassword = PASSWORD, newPassword = NEW_PASSWORD, revokeRecoveryCodes = false } = {},
) =>
  post(
    at,
    `mutation($currentPassword: String!, $newPassword: String!, $revokeRecoveryCodes: Boolean) { changePassword(
      currentPassword: $currentPassword, newPassword: $newPassword, revokeRecoveryCodes: $revokeRecoveryCodes) { acknowledged } }`,
    { currentPassword, newPassword, revokeRecoveryCodes },
  );

export const requestEmailChange = (at: At, newAddress: string, currentPassword = PASSWORD) =>
  post(
    at,
    `mutation($newEmail: String!, $currentPassword: String!) {
      requestEmailChange(newEmail: $newEmail, currentPassword: $currentPassword) { acknowledged } }`,
    { newEmail: newAddress, currentPassword },
  );

export const confirmEmailChange = (at: At, token: string | undefined) =>
  post(at, 'mutation($token: String!) { confirmEmailChange(token: $token) { id email emailVerifiedAt } }', { token });

export const cancelEmailChange = (at: At) => post(at, 'mutation { cancelEmailChange { acknowledged } }', {});

export const deleteMyAccount = (at: At, currentPassword = PASSWORD) =>
  post(
    at,
    'mutation($currentPassword: String!) { deleteMyAccount(currentPassword: $currentPassword) { acknowledged } }',
    { currentPassword },
  );

export const deleteAccount = (at: At, accountId: string, confirm = true) =>
  post(
    at,
    'mutation($accountId: ID!, $confirm: Boolean!) { deleteAccount(accountId: $accountId, confirm: $confirm) { acknowledged } }',
    { accountId, confirm },
  );

export const register = (at: At, email: string, password = PASSWORD) =>
  post(
    at,
    'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { acknowledged } }',
    { email, password },
  );

export const verifyEmail = (at: At, token: string | undefined, password?: string) =>
  post(
    at,
    'mutation($token: String!, $password: String) { verifyEmail(token: $token, password: $password) { acknowledged } }',
    { token, password },
  );

export const trySignIn = (at: At, email: string, password = PASSWORD) =>
  post(
    at,
    `mutation($email: String!, $password: String!) {
      signIn(email: $email, password: $password) { accessToken refreshToken session { id } } }`,
    { email, password },
  );

/** The code of `me`, or undefined where the token lets somebody in. */
export async function codeOfMe(on: TestApp, token: string): Promise<string | undefined> {
  return (await on.post('{ me { id } }', {}, { token })).code;
}

const parsed = new Map<string, Promise<Email>>();

/** The mails to an address with this subject, oldest first; each file is read once, however often somebody looks. */
async function mailsWith(on: TestApp, to: string, subject: RegExp): Promise<Email[]> {
  const folder = join(on.settings['DATA_DIR'] as string, 'mail');
  const names = (await readdir(folder).catch(() => [] as string[])).filter((name) => name.endsWith('.eml'));
  const mails = names.toSorted().map((name) => {
    const path = join(folder, name);
    const mail = parsed.get(path) ?? readFile(path).then((bytes) => PostalMime.parse(bytes));
    parsed.set(path, mail);
    return mail;
  });
  return (await Promise.all(mails)).filter((mail) => mail.to?.[0]?.address === to && subject.test(mail.subject ?? ''));
}

/** The newest of so many mails to an address with this subject; its token with it. */
export async function mailWith(on: TestApp, to: string, subject: RegExp, atLeast = 1): Promise<Mail> {
  let mails: Email[] = [];
  await eventually(async () => {
    mails = await mailsWith(on, to, subject);
    return mails.length >= atLeast;
  });
  const { subject: title = '', text = '' } = mails.at(-1) as Email;
  return { to, subject: title, text, token: /#token=([\w-]+)/.exec(text)?.[1] };
}

/** Puts a token of a test's own into the database, for what a mail would take long for. Returns it. */
export async function plantToken(
  { database }: Pick<TestApp, 'database'>,
  { accountId, purpose, email }: { readonly accountId: string; readonly purpose: string; readonly email: string },
): Promise<string> {
  const secret = randomUUID();
  await database.rows(
    `insert into verification_tokens (id, account_id, purpose, email_key, token_hash, expires_at)
     values ($1, $2, $3, $4, $5, now() + interval '1 hour')`,
    [randomUUID(), accountId, purpose, email, createHash('sha256').update(secret).digest()],
  );
  return secret;
}

/** What the audit says of an account, in order, as `ACTION` or `ACTION reason`. */
export async function auditOf({ database }: Pick<TestApp, 'database'>, accountId: string): Promise<string[]> {
  const rows = await database.rows<{ action: string; reason: string | null }>(
    'select action, reason from audit_events where account_id = $1 order by created_at, id',
    [accountId],
  );
  return rows.map(({ action, reason }) => (reason === null ? action : `${action} ${reason}`));
}

/** How many tokens of an account could be used still. */
export async function liveTokens({ database }: Pick<TestApp, 'database'>, accountId: string): Promise<number> {
  const [row] = await database.rows<{ count: number }>(
    'select count(*)::int as count from verification_tokens where account_id = $1 and used_at is null',
    [accountId],
  );
  return row?.count ?? 0;
}
