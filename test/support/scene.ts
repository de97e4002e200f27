import { randomUUID } from 'node:crypto';
import { NEW_PASSWORD, plantToken } from './account-operations.js';
import { issue, makeAccount, PASSWORD, signIn, signInAsAdmin, type TestAccount, type TestBatch } from './accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, type TestApp } from './app.js';
import type { ViewerName } from './access-table.js';
import { from } from './client-origin.js';
import { makeHost } from './hosts.js';
import { DOCUMENTS, scheduleInput } from './schedules.js';

/** Somebody who asks, and what his answers have to be read as. */
export interface Asker {
  readonly token: string | undefined;
  readonly accountId: string | undefined;
  readonly sessionId: string | undefined;
  /** An admin in a PASSWORD session. */
  readonly isActingAdmin: boolean;
}

export type Askers = Readonly<Record<ViewerName, Asker>>;

/** An account with a history: one batch that it deleted, one that an admin did, a superseded and an active one. */
export interface Scene {
  readonly app: TestApp;
  readonly admin: TestAccount;
  readonly owner: TestAccount;
  readonly active: TestBatch;
  /** A code of the active batch that nothing was done with, each time another. */
  newCode(): string;
  /** The id of such a code. */
  newCodeId(): string;
}

const NOBODY = { accountId: undefined, sessionId: undefined, isActingAdmin: false };

export async function makeScene(app: TestApp, admin: TestAccount, owner?: TestAccount): Promise<Scene> {
  const account = owner ?? (await makeAccount(app));
  await deleteBatch(app, account, await issue(app, account, 30));
  await deleteBatch(app, admin, await issue(app, account));
  await issue(app, account, 1);
  const active = await issue(app, account, 7);
  const ids = await app.database.rows<{ id: string }>(
    'select id from recovery_codes where batch_id = $1 order by position desc',
    [active.id],
  );
  const [codes, codeIds] = [[...active.codes], ids.map(({ id }) => id)];
  const next = (from: string[]): string => {
    const value = from.shift();
    if (value === undefined) throw new Error('The batch of this scene has no fresh code left.');
    return value;
  };
  return { app, admin, owner: account, active, newCode: () => next(codes), newCodeId: () => next(codeIds) };
}

async function deleteBatch(app: TestApp, by: TestAccount, { id }: TestBatch): Promise<void> {
  const { errors } = await app.post(
    'mutation($id: ID!) { deleteRecoveryCodeBatch(batchId: $id) { batch { id } } }',
    { id },
    { token: by.token },
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
}

/** One of each kind. All but the anonymous and the rejected one have a history of their own; `owner` is the scene's. */
export async function makeAskers({ app, owner }: Scene): Promise<Askers> {
  const admin = await signInAsAdmin(app);
  const { active } = await makeScene(app, admin, admin);
  const { owner: other } = await makeScene(app, admin);
  return {
    anonymous: { ...NOBODY, token: undefined },
    rejected: { ...NOBODY, token: await endedToken(app) },
    owner: asker(owner),
    other: asker(other),
    admin: asker(admin, true),
    adminByCode: asker(await signInByCode(app, ADMIN_EMAIL, active.codes[0] as string)),
  };
}

export function asker({ token, id, sessionId }: TestAccount, isActingAdmin = false): Asker {
  return { token, accountId: id, sessionId, isActingAdmin };
}

/** The access token of a session that was signed out. */
export async function endedToken(app: TestApp): Promise<string> {
  const { token } = await makeAccount(app);
  const { errors } = await app.post('mutation { signOut { acknowledged } }', {}, { token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return token;
}

export async function signInByCode(app: TestApp, email: string, code: string): Promise<TestAccount> {
  const { data, errors } = await app.post(
    `mutation($email: String!, $code: String!) { signInWithRecoveryCode(email: $email, code: $code) {
      accessToken refreshToken account { id } session { id } } }`,
    { email, code },
  );
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const { accessToken, refreshToken, account, session } = data['signInWithRecoveryCode'];
  return { id: account.id, email, token: accessToken, refreshToken, sessionId: session.id };
}

type Variables = Record<string, unknown>;

/** For each operation, arguments that are right and name something of the scene's owner. */
export const RIGHT_ARGUMENTS: Readonly<Record<string, (scene: Scene) => Variables | Promise<Variables>>> = {
  'Query.service': () => ({}),
  'Query.me': async (scene) => (await pendingChange(scene), {}),
  'Query.account': ({ owner }) => ({ id: owner.id }),
  'Query.recoveryCodeBatch': ({ active }) => ({ id: active.id }),
  'Mutation.generateRecoveryCodes': async ({ app }) => {
    await app.database.rows('update rate_limits set blocked_until = null');
    return { input: { expiresInDays: 7 } };
  },
  'Mutation.testRecoveryCode': (scene) => ({ code: scene.newCode() }),
  'Mutation.verifyRecoveryCode': (scene) => ({ code: scene.newCode() }),
  'Mutation.markRecoveryCodesViewed': ({ active }) => ({ batchId: active.id }),
  'Mutation.invalidateRecoveryCode': (scene) => ({ selector: { codeId: scene.newCodeId() } }),
  'Mutation.deleteRecoveryCode': (scene) => ({ selector: { codeId: scene.newCodeId() } }),
  'Mutation.deleteRecoveryCodeBatch': ({ active }) => ({ batchId: active.id }),
  'Mutation.exportRecoveryCodes': ({ active }) => ({ batchId: active.id, format: 'JSON' }),
  'Mutation.emailRecoveryCodes': ({ active }) => ({ batchId: active.id }),
  'Mutation.register': () => ({ email: `${randomUUID()}@example.org`, password: PASSWORD }),
  'Mutation.resendEmailVerification': ({ owner }) => ({ email: owner.email }),
  'Mutation.signIn': ({ owner }) => ({ email: owner.email, password: PASSWORD }),
  'Mutation.signInWithRecoveryCode': (scene) => ({ email: scene.owner.email, code: scene.newCode() }),
  'Mutation.refreshSession': async ({ app, owner }) => {
    const { refreshToken } = await signIn(app, owner.email, PASSWORD);
    return { refreshToken };
  },
  'Mutation.verifyEmail': async ({ app }) => ({ token: await mailedToken(app) }),
  'Mutation.requestPasswordReset': ({ owner }) => ({ email: owner.email }),
  'Mutation.resetPassword': async ({ app, owner: { id: accountId, email } }) => {
    const token = await plantToken(app, { accountId, email, purpose: 'PASSWORD_RESET' });
    return { token, newPassword: NEW_PASSWORD, revokeRecoveryCodes: false };
  },
  'Mutation.changePassword': async ({ app, owner }) => {
    // It may have been changed before.
    await app.database.rows(
      'update accounts set password_hash = (select password_hash from accounts where id = $2) where id = $1',
      [owner.id, (await makeAccount(app)).id],
    );
    return { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, revokeRecoveryCodes: false };
  },
  'Mutation.requestEmailChange': () => ({ newEmail: `${randomUUID()}@example.org`, currentPassword: PASSWORD }),
  'Mutation.confirmEmailChange': async (scene) => {
    await pendingChange(scene);
    const { id: accountId, email } = scene.owner;
    return { token: await plantToken(scene.app, { accountId, email, purpose: 'EMAIL_CHANGE' }) };
  },
  'Mutation.cancelEmailChange': async (scene) => (await pendingChange(scene), {}),
  'Mutation.deleteMyAccount': () => ({ currentPassword: PASSWORD }),
  'Mutation.deleteAccount': async ({ app }) => ({ accountId: (await makeAccount(app)).id, confirm: true }),
  'Mutation.signOut': () => ({}),
  'Mutation.revokeSession': async ({ app, owner }) => ({ id: (await signIn(app, owner.email, PASSWORD)).sessionId }),
  'Mutation.revokeOtherSessions': ({ owner }) => ({ accountId: owner.id }),
  'Mutation.unlockAccount': ({ owner }) => ({ accountId: owner.id }),
  'Mutation.resetSetup': ({ owner }) => ({ accountId: owner.id }),
  'Query.cleanupSchedules': async (scene) => (await newSchedule(scene), {}),
  'Query.cleanupSchedule': async (scene) => ({ id: await newSchedule(scene) }),
  'Query.purgeReports': async (scene) => (await newReport(scene), { first: 5, filter: { task: 'RECOVERY_CODES' } }),
  'Query.purgeReport': async (scene) => ({ id: await newReport(scene) }),
  'Query.jobCounts': () => ({}),
  'Query.signingKeys': () => ({}),
  'Mutation.rotateSigningKey': () => ({ revokePrevious: false, currentPassword: ADMIN_PASSWORD }),
  'Mutation.createCleanupSchedule': () => ({ input: scheduleInput() }),
  'Mutation.updateCleanupSchedule': async (scene) => ({ id: await newSchedule(scene), input: scheduleInput() }),
  'Mutation.setCleanupScheduleEnabled': async (scene) => ({ id: await newSchedule(scene), enabled: false }),
  'Mutation.deleteCleanupSchedule': async (scene) => ({ id: await newSchedule(scene) }),
  'Mutation.runCleanupSchedule': async (scene) => ({ id: await newSchedule(scene) }),
  'Mutation.runCleanup': () => ({ input: { task: 'RECOVERY_CODES', dryRun: true } }),
  'Mutation.cancelCleanup': async (scene) => ({ reportId: await newReport(scene) }),
  'Mutation.purgeRecoveryCodeBatch': async (scene) => ({ batchId: await deletedBatch(scene), confirm: true }),
  'Mutation.flushJobs': () => ({ target: 'FAILED', confirm: true }),
  'Query.accounts': ({ owner }) => ({ first: 5, search: owner.email }),
  'Query.auditEvents': ({ owner }) => ({ first: 5, filter: { accountId: owner.id } }),
  'Query.emailLog': async (scene) => (await newLogEntry(scene), { first: 5 }),
  'Query.settingsCheck': async (scene) => (await lostKey(scene), {}),
  'Query.oidcClients': async (scene) => (await newIssuer(scene), {}),
  'Mutation.saveOidcClient': async (scene) => ({ id: await newIssuer(scene), input: issuerInput(scene) }),
  'Mutation.deleteOidcClient': async (scene) => ({ id: await newIssuer(scene) }),
  'Query.serviceKeys': async ({ app, admin }) => (await makeHost(app, admin), {}),
  'Mutation.createServiceKey': () => ({
    input: { name: 'A shop', realm: 'shop', operations: ['ISSUE', 'VERIFY'], expiresInDays: 30 },
  }),
  'Mutation.revokeServiceKey': async ({ app, admin }) => ({ id: (await makeHost(app, admin)).keyId }),
};

/** An issuer whose keys are those of the server itself, as good as any others that can be fetched. */
function issuerInput({ app }: Scene): Variables {
  const [name, issuer] = [randomUUID(), `https://issuer.example/${randomUUID()}`];
  const more = { audience: 'https://codes.example.org', acceptIdTokens: false, isEnabled: true };
  return { name, issuer, jwksUri: `${app.url}/.well-known/jwks.json`, ...more };
}

async function newIssuer(scene: Scene): Promise<string> {
  const query = 'mutation($input: OidcClientInput!) { saveOidcClient(input: $input) { id } }';
  const { app, admin } = scene;
  const { data, errors } = await app.post(query, { input: issuerInput(scene) }, { token: admin.token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data['saveOidcClient'].id;
}

/** The owner waits for another address, which nobody has confirmed. */
async function pendingChange({ app, owner }: Scene): Promise<void> {
  await app.database.rows(
    `insert into email_change_requests (id, account_id, new_email, new_email_key, expires_at)
     values ($1, $2, $3, $3, now() + interval '1 hour')
     on conflict (account_id) do update set confirmed_by_current_at = null`,
    [randomUUID(), owner.id, `${randomUUID()}@example.org`],
  );
}

/** A mail to the owner that was sent. */
async function newLogEntry({ app, owner }: Scene): Promise<void> {
  await app.database.rows(
    `insert into email_log (id, key, template, recipient, sender, subject, status, attempts, sent_at)
     values ($1::uuid, $1::text, 'code-used', $2, 'codes@example.org', 'A code was used', 'SENT', 1, now())`,
    [randomUUID(), owner.email],
  );
}

/** Somebody's codes, made under a key that nobody has: a problem of the settings. */
async function lostKey({ app }: Scene): Promise<void> {
  const { id } = await issue(app, await makeAccount(app));
  await app.database.rows(`update recovery_code_batches set pepper_key_id = 'feedfacefeedface' where id = $1`, [id]);
}

/** A schedule that has run. */
async function newSchedule({ app, admin }: Scene): Promise<string> {
  const created = await app.post(
    DOCUMENTS.create,
    { input: scheduleInput({ task: 'COPIES' }) },
    { token: admin.token },
  );
  const id: string = created.data['createCleanupSchedule'].id;
  await app.post(DOCUMENTS.runSchedule, { id }, { token: admin.token });
  return id;
}

/** The report of purging a batch of the owner's. */
async function newReport(scene: Scene): Promise<string> {
  const { app, admin } = scene;
  const variables = { id: await deletedBatch(scene) };
  const query = 'mutation($id: ID!) { purgeRecoveryCodeBatch(batchId: $id, confirm: true) { id } }';
  const { errors } = await app.post(query, variables, { token: admin.token });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const [report] = await app.database.rows<{ id: string }>(
    'select report_id as id from purge_report_batches where batch_id = $1',
    [variables.id],
  );
  return report?.id as string;
}

/** One that the owner had and that is not yet purged, or else somebody: the active one stays as it is. */
async function deletedBatch({ app, owner }: Scene): Promise<string> {
  const [own] = await app.database.rows<{ id: string }>(
    'select id from recovery_code_batches where account_id = $1 and deleted_at is not null and purged_at is null',
    [owner.id],
  );
  if (own !== undefined) return own.id;
  const somebody = await makeAccount(app);
  const batch = await issue(app, somebody);
  await deleteBatch(app, somebody, batch);
  return batch.id;
}

/** The token of the mail that somebody gets who registers. */
export async function mailedToken(app: TestApp, email = `${randomUUID()}@example.org`): Promise<string> {
  await app.post(
    'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { acknowledged } }',
    { email, password: PASSWORD },
    { headers: from() },
  );
  const [mail] = await app.mails(email);
  if (mail?.token === undefined) throw new Error('No mail with a token came.');
  return mail.token;
}
