import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { ADMIN_EMAIL, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { headersOf } from '../support/hosts.js';
import { eventually } from '../support/eventually.js';
import { answering, AUDIENCE, startIssuer } from '../support/issuer.js';
import { startLater, TOGETHER } from '../support/later-app.js';
import { scheduleInput } from '../support/schedules.js';
import { documentOf, type Field, operations } from '../support/schema-walk.js';
import { databasePlaces, filePlaces, outputOf, type Place, SecretScan } from '../support/secret-scan.js';

const fields = operations(await buildSparekeySchema());
const newSecret = () => `s${randomBytes(18).toString('base64url')}`;
const newEmail = () => `${randomUUID()}@example.org`;
const WRONG_CODE = 'WrongA-WrongB-WrongC-WrongD-WrongE-WrongF';
const SETTINGS = {
  ...TOGETHER,
  LOG_LEVEL: 'trace',
  MAX_ATTEMPTS: '4',
  COOLDOWN_BASE_SECONDS: '1',
  REFRESH_GRACE_SECONDS: '0',
  ADMIN_PASSWORD: newSecret(),
  RECOVERY_KEY: randomBytes(32).toString('base64url'),
};

let app: TestApp;
let output = '';
const scan = new SecretScan();
/** Every answer with an error in it, and what the operator's routes say. */
const answers: Place[] = [];
const succeeded = new Set<string>();
const failed = new Map<string, Set<string>>();

beforeAll(async () => {
  output = await outputOf(async () => {
    app = await startTestApp(SETTINGS);
    await everything();
    for (const path of ['metrics', 'readyz', '.well-known/jwks.json']) {
      answers.push({ name: `/${path}`, text: await (await fetch(`${app.url}/${path}`)).text() });
    }
  });
}, 120_000);
afterAll(() => app.close());

interface As {
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

async function call(name: string, variables: Record<string, unknown> = {}, { token, headers = from() }: As = {}) {
  const field = fields.get(name) as Field;
  const answer = await app.post(documentOf(name, field), variables, { token, headers });
  note(name, answer);
  return answer.data?.[field.name];
}

function note(name: string, { errors, code, text }: Answer): void {
  if (errors.length === 0) succeeded.add(name);
  else {
    failed.set(name, (failed.get(name) ?? new Set()).add(String(code)));
    answers.push({ name: `an error of ${name}`, text });
  }
}

interface SignedIn {
  readonly token: string;
  readonly refreshToken: string;
}

/** Remembers what a sign-in handed out. */
function signedIn(payload: { accessToken: string; refreshToken: string }): SignedIn {
  const { accessToken, refreshToken } = payload;
  scan.add('an access token', accessToken);
  scan.add("an access token's signature", accessToken.split('.')[2] as string);
  scan.add('a refresh token', refreshToken);
  return { token: accessToken, refreshToken };
}

function password(label = 'a password'): string {
  const secret = newSecret();
  scan.add(label, secret);
  return secret;
}

/** The token of the latest of so many mails to an address; it may be in those mails only. */
async function mailed(email: string, atLeast: number): Promise<string> {
  const mails = await app.mails(email, atLeast);
  const token = mails.at(-1)?.token as string;
  expect(mails).toHaveLength(atLeast);
  scan.add('a mailed token', token, ({ name, text }) => name.endsWith('.eml') && text.includes(email));
  return token;
}

/** The one place beside two answers that exists to hold codes: a mail of them in its owner's mailbox. */
const isMailOfCodes = ({ name }: Place) => /-recovery-codes-[^/]*\.eml$/.test(name);

/** Takes codes out in every way: as a file, and by mail, while somebody waits and by a job of another process. */
async function takingOut(token: string): Promise<void> {
  for (const format of ['TXT', 'CSV', 'PDF', 'JSON']) {
    const { batchId } = await issue(token);
    for (const _twice of [1, 2]) await call('Mutation.exportRecoveryCodes', { batchId, format }, { token });
    await app.database.rows('delete from rate_limits');
    if (format === 'TXT')
      for (const _twice of [1, 2]) await call('Mutation.emailRecoveryCodes', { batchId }, { token });
  }
  const { batchId } = await issue(token);
  const queued = await startLater(app, 0, { MAIL_MODE: 'queued' });
  const field = fields.get('Mutation.emailRecoveryCodes') as Field;
  note('mailing by a job', await queued.post(documentOf('Mutation.emailRecoveryCodes', field), { batchId }, { token }));
  await eventually(async () => (await app.database.rows('select 1 from code_mails')).length === 0, 20_000);
  await queued.close();
  answers.push({ name: 'the log of another process', text: queued.log.join('') });
}

/** Lets the cooldown of issuing pass. */
async function issue(token: string): Promise<{ codes: string[]; batchId: string }> {
  await app.database.rows('update rate_limits set blocked_until = null where count = 0');
  const { batch, codes } = await call('Mutation.generateRecoveryCodes', { input: { expiresInDays: 3 } }, { token });
  const plain = codes.map(({ code }: { code: string }) => code);
  for (const code of plain) scan.add('a recovery code', code, isMailOfCodes);
  return { codes: plain, batchId: batch.id };
}

/** Every operation, rightly and wrongly, with every kind of secret. */
async function everything(): Promise<void> {
  for (const [label, secret] of Object.entries({
    'the recovery key': SETTINGS.RECOVERY_KEY,
    "the database's password": new URL(app.database.url).password,
    'a wrong code': WRONG_CODE,
  })) {
    scan.add(label, secret);
  }
  scan.add("the admin's password", SETTINGS.ADMIN_PASSWORD);
  const me = await registration();
  await sessions(me);
  const owner = await signingIn(me);
  await codes(me, owner);
  await passwordsAndAddresses();
  await administration(me);
  await lockOut(me);
  await requestsThatAreNone(me);
  await faults(me);
}

interface Person {
  readonly email: string;
  readonly password: string;
}

async function registration(): Promise<Person> {
  const me = { email: newEmail(), password: password() };
  await call('Mutation.register', { ...me });
  const token = await mailed(me.email, 1);
  await call('Mutation.verifyEmail', { token, password: password('a wrong password') });
  await call('Mutation.verifyEmail', { token: newSecretToken() });
  await call('Mutation.resendEmailVerification', { email: me.email });
  const second = await mailed(me.email, 2);
  await call('Mutation.verifyEmail', { token: second, password: me.password });
  await call('Mutation.register', { email: me.email, password: password() });
  await app.mails(me.email, 3);
  await call('Mutation.register', { email: newEmail(), password: 'short' });

  // Two passwords for one address: neither is taken over, and a link to set one is mailed.
  const email = newEmail();
  for (let n = 0; n < 2; n += 1) await call('Mutation.register', { email, password: password() });
  await call('Mutation.verifyEmail', { token: await mailed(email, 2) });
  await mailed(email, 3);
  return me;
}

function newSecretToken(): string {
  const token = newSecret();
  scan.add('a wrong token', token);
  return token;
}

async function signingIn(me: Person): Promise<SignedIn> {
  await call('Mutation.signIn', { email: me.email, password: password('a wrong password') });
  await call('Mutation.signIn', { email: newEmail(), password: password('a wrong password') });
  const first = signedIn(await call('Mutation.signIn', { ...me }));
  const second = signedIn(await call('Mutation.refreshSession', { refreshToken: first.refreshToken }));
  signedIn(await call('Mutation.refreshSession', { refreshToken: second.refreshToken }));
  await call('Mutation.refreshSession', { refreshToken: first.refreshToken });
  await call('Mutation.refreshSession', { refreshToken: newSecretToken() });
  await call('Query.me', {}, { token: second.token });
  const third = signedIn(await call('Mutation.signIn', { ...me }));
  await call('Mutation.signOut', {}, third);
  await call('Mutation.signOut', {}, third);
  return signedIn(await call('Mutation.signIn', { ...me }));
}

/** Their list and their ends, with a token where an id belongs; and one that lives in a cookie. */
async function sessions(me: Person): Promise<void> {
  const [mine, other] = [signedIn(await call('Mutation.signIn', { ...me })), await call('Mutation.signIn', { ...me })];
  signedIn(other);
  for (const id of [mine.refreshToken, other.session.id]) await call('Mutation.revokeSession', { id }, mine);
  await call('Mutation.revokeOtherSessions', { accountId: other.account.id }, mine);
  const cookie = await inCookie('Mutation.signIn', { ...me });
  const next = await inCookie('Mutation.refreshSession', {}, cookie);
  for (const used of [cookie, next, newSecretToken()]) await inCookie('Mutation.refreshSession', {}, used);
}

/** The refresh token that the answer puts into the cookie. */
async function inCookie(name: string, variables: Record<string, unknown>, cookie = ''): Promise<string> {
  const query = documentOf(name, fields.get(name) as Field);
  const headers = { 'content-type': 'application/json', 'x-sparekey-session': 'cookie', cookie: `sparekey=${cookie}` };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: { ...from(), ...headers }, body });
  const { errors, data } = (await response.json()) as { errors?: object; data: Record<string, any> | null };
  answers.push({ name: `what ${name} answers in cookie mode`, text: JSON.stringify(errors ?? '') });
  const { accessToken } = data?.[(fields.get(name) as Field).name] ?? {};
  if (accessToken !== undefined) scan.add('an access token', accessToken);
  const [, value = ''] = /^sparekey=([^;]+)/.exec(response.headers.getSetCookie()[0] ?? '') ?? [];
  if (value !== '') scan.add('a refresh token in a cookie', value);
  return value;
}

async function codes(me: Person, { token }: SignedIn): Promise<void> {
  const first = await issue(token);
  await call('Mutation.generateRecoveryCodes', {}, { token });
  const { codes: plain, batchId } = await issue(token);
  const [tested, verified, used, invalidated, deleted] = plain as [string, string, string, string, string];
  for (const code of [WRONG_CODE, tested, tested]) await call('Mutation.testRecoveryCode', { code }, { token });
  for (const code of [WRONG_CODE, first.codes[0], verified, verified]) {
    await call('Mutation.verifyRecoveryCode', { code }, { token });
  }
  for (const code of [WRONG_CODE, used, used]) await call('Mutation.signInWithRecoveryCode', { email: me.email, code });
  for (const code of [WRONG_CODE, invalidated, invalidated]) {
    await call('Mutation.invalidateRecoveryCode', { selector: { code } }, { token });
  }
  for (const code of [WRONG_CODE, deleted, deleted]) {
    await call('Mutation.deleteRecoveryCode', { selector: { code } }, { token });
  }
  await call('Mutation.deleteRecoveryCode', { selector: { code: deleted, codeId: randomUUID() } }, { token });
  const byCode = await call('Mutation.signInWithRecoveryCode', { email: me.email, code: plain[5] });
  signedIn(byCode);
  await takingOut(token);
  await call('Query.recoveryCodeBatch', { id: batchId }, { token });
  await call('Mutation.markRecoveryCodesViewed', { batchId }, { token });
  await call('Mutation.deleteRecoveryCodeBatch', { batchId }, { token });
  await call('Query.service');
  await call('Query.me', {}, { token });
  // Something is left for the admin, and a copy that is still sealed.
  await issue(token);
}

async function administration({ email }: Person): Promise<void> {
  const { token } = signedIn(await call('Mutation.signIn', { email: ADMIN_EMAIL, password: SETTINGS.ADMIN_PASSWORD }));
  const { id: accountId, activeBatch } = await call('Query.account', { email }, { token });
  await call('Mutation.unlockAccount', { accountId }, { token });
  await call('Mutation.resetSetup', { accountId }, { token });
  const other = newEmail();
  await call('Mutation.register', { email: other, password: password() });
  await mailed(other, 1);
  const { id: otherId } = await call('Query.account', { email: other }, { token });
  await call('Mutation.deleteAccount', { accountId: otherId, confirm: true }, { token });
  const selector = { codeId: activeBatch.codes[0].id };
  await call('Mutation.invalidateRecoveryCode', { selector }, { token });
  await cleanups(token, accountId);
  await signingKeys(token);
  await serviceKeys(token);
  await trustedIssuers(token);
  await reading(token, { email, accountId });
}

/** Rotates, with a password where none is needed; then private halves are secrets, too. */
async function signingKeys(token: string): Promise<void> {
  await call('Mutation.rotateSigningKey', { currentPassword: SETTINGS.ADMIN_PASSWORD }, { token });
  await call('Mutation.rotateSigningKey', { currentPassword: password('a wrong password') });
  await call('Query.signingKeys', {}, { token });
  const rows = await app.database.rows<{ kid: string; key_id: string; sealed: Buffer }>(
    'select kid, key_id, sealed_private_jwk as sealed from signing_keys',
  );
  for (const { kid, key_id: keyId, sealed: bytes } of rows) {
    const { d } = JSON.parse(app.app.stores.keyring.open('signing-key', { keyId, bytes }, { aad: kid })) as {
      d: string;
    };
    scan.add('the private half of a signing key', d);
    scan.add('the bytes of it', Buffer.from(d, 'base64url').toString('latin1'));
  }
}

/** Tokens of another issuer are secrets, the good and the bad. */
async function trustedIssuers(token: string): Promise<void> {
  const issuer = await startIssuer();
  const input = { name: 'Acme', issuer: issuer.url, audience: AUDIENCE };
  const { id } = await call('Mutation.saveOidcClient', { input, currentPassword: password() }, { token });
  await call('Query.oidcClients', {}, { token });
  const claims = { sub: 'ada', sid: newSecretToken() };
  const tokens = [
    await issuer.token({ claims }),
    await issuer.token({ claims: { ...claims, aud: newSecretToken() } }),
    await issuer.token({ claims, header: { kid: newSecretToken() } }),
    await issuer.token({ claims, key: await issuer.newKey() }),
  ];
  for (const bearer of tokens) {
    scan.add("a trusted issuer's token", bearer);
    scan.add('the signature of one', bearer.split('.')[2] as string);
    note("a trusted issuer's token", await app.post('{ me { id sessions { id } } }', {}, { token: bearer }));
  }
  scan.add('the session that its issuer knows', claims.sid);
  issuer.misbehave = answering(newSecretToken());
  await call('Mutation.saveOidcClient', { id, input }, { token });
  await call('Mutation.saveOidcClient', { id: newSecretToken(), input }, { token });
  await call('Mutation.deleteOidcClient', { id }, { token });
  await issuer.close();
}

/** A host application has its key and its users' codes; what is no key, realm or header of one is a secret all the same. */
async function serviceKeys(token: string): Promise<void> {
  const currentPassword = SETTINGS.ADMIN_PASSWORD;
  const created = await call('Mutation.createServiceKey', { input: { name: 'A shop' }, currentPassword }, { token });
  const { secret, serviceKey } = created;
  scan.add('a service key', secret);
  const ask = async (
    query: string,
    variables: Record<string, unknown> = {},
    headers = headersOf({ subject: 'user-7' }),
  ) => {
    const answer = await app.post(query, variables, { token: secret, headers: { ...from(), ...headers } });
    note('what a service key asks', answer);
    return answer.data;
  };
  const { generateRecoveryCodes: issued } = await ask('mutation { generateRecoveryCodes { codes { code } } }');
  for (const { code } of issued.codes) scan.add('a recovery code', code);
  const [code] = issued.codes.map((entry: { code: string }) => entry.code);
  for (const typed of [WRONG_CODE, code, code]) {
    await ask('mutation($typed: String!) { verifyRecoveryCode(code: $typed) { outcome } }', { typed });
  }
  await ask('{ me { id } }', {}, headersOf({ address: newSecretToken() }));
  await ask('{ me { id } }', {}, headersOf({ subject: `${newSecretToken()}${'x'.repeat(255)}` }));
  await call('Mutation.createServiceKey', { input: { name: 'A shop', realm: newSecretToken() } }, { token });
  await call('Query.serviceKeys', {}, { token });
  await call('Mutation.revokeServiceKey', { id: newSecretToken() }, { token });
  await call('Mutation.revokeServiceKey', { id: serviceKey.id }, { token });
  await ask('{ me { id } }');
}

/** All that admins read, and secrets where they look for something. */
async function reading(token: string, { email, accountId }: { email: string; accountId: string }): Promise<void> {
  const as = { token };
  await call('Query.accounts', { search: email }, as);
  await call('Query.auditEvents', { first: 100, filter: { accountId } }, as);
  await call('Query.emailLog', {}, as);
  await call('Query.settingsCheck', {}, as);
  for (const secret of [newSecretToken(), WRONG_CODE]) {
    await call('Query.accounts', { search: secret }, as);
    await call('Query.accounts', { after: secret, search: secret }, as);
    await call('Query.auditEvents', { after: secret, filter: { accountId: secret, batchId: secret } }, as);
    await call('Query.auditEvents', { filter: { action: secret } }, as);
    await call('Query.emailLog', { after: secret }, as);
  }
}

/** From every mail's link, of somebody who goes in the end. */
async function passwordsAndAddresses(): Promise<void> {
  const email = newEmail();
  await call('Mutation.register', { email, password: password() });
  await mailed(email, 1);
  await call('Mutation.requestPasswordReset', { email });
  const token = await mailed(email, 2);
  const first = password();
  await call('Mutation.resetPassword', { token, newPassword: `short ${newSecretToken().slice(0, 6)}` });
  await call('Mutation.resetPassword', { token: newSecretToken(), newPassword: first });
  await call('Mutation.resetPassword', { token, newPassword: first });
  await call('Mutation.resetPassword', { token, newPassword: password() });

  const as = signedIn(await call('Mutation.signIn', { email, password: first }));
  const currentPassword = password();
  const wrong = () => ({ currentPassword: password('a wrong password') });
  await call('Mutation.changePassword', { ...wrong(), newPassword: currentPassword }, as);
  await call('Mutation.changePassword', { currentPassword: first, newPassword: currentPassword }, as);
  await addresses({ email, password: currentPassword }, as);
  await call('Mutation.deleteMyAccount', wrong(), as);
  await call('Mutation.deleteMyAccount', { currentPassword }, as);
}

async function addresses({ email, password: currentPassword }: Person, as: SignedIn): Promise<void> {
  const next = newEmail();
  await call('Mutation.requestEmailChange', { newEmail: next, currentPassword: password('a wrong password') }, as);
  await call('Mutation.requestEmailChange', { newEmail: next, currentPassword }, as);
  // A notice of each of the two new passwords came in between.
  const tokens = [await mailed(email, 5), await mailed(next, 1)];
  await call('Mutation.confirmEmailChange', { token: newSecretToken() }, as);
  for (const token of tokens) await call('Mutation.confirmEmailChange', { token }, as);
  await call('Mutation.cancelEmailChange', {}, as);
  await call('Mutation.requestEmailChange', { newEmail: newEmail(), currentPassword }, as);
  await mailed(next, 3);
  await call('Mutation.cancelEmailChange', {}, as);
}

/** With secrets where they do not belong. */
async function cleanups(token: string, accountId: string): Promise<void> {
  const as = { token };
  const right = scheduleInput({ emailReport: 'ALWAYS', useLogger: true });
  const { id } = await call('Mutation.createCleanupSchedule', { input: right }, as);
  for (const wrong of [{ cron: newSecretToken() }, { timeZone: newSecretToken() }, { task: newSecretToken() }]) {
    await call('Mutation.createCleanupSchedule', { input: { ...right, ...wrong } }, as);
    await call('Mutation.updateCleanupSchedule', { id, input: { ...right, ...wrong } }, as);
  }
  await call('Mutation.updateCleanupSchedule', { id, input: right }, as);
  await call('Mutation.setCleanupScheduleEnabled', { id, enabled: false }, as);
  await call('Query.cleanupSchedules', {}, as);
  await call('Query.cleanupSchedule', { id }, as);
  const { id: reportId } = await call('Mutation.runCleanupSchedule', { id }, as);
  await call('Mutation.runCleanup', { input: { task: 'SESSIONS' } }, as);
  await call('Mutation.cancelCleanup', { reportId }, as);
  for (const secret of [newSecretToken(), WRONG_CODE]) {
    await call('Mutation.cancelCleanup', { reportId: secret }, as);
    await call('Query.purgeReports', { after: secret, filter: { scheduleId: secret } }, as);
    await call('Query.cleanupSchedule', { id: secret }, as);
  }
  await call('Query.purgeReports', {}, as);
  await call('Query.purgeReport', { id: reportId }, as);
  await call('Query.jobCounts', {}, as);
  const [deleted] = await app.database.rows<{ id: string }>(
    `select id from recovery_code_batches where account_id = $1 and deleted_at is not null`,
    [accountId],
  );
  await call('Mutation.purgeRecoveryCodeBatch', { batchId: deleted?.id, confirm: true }, as);
  await call('Mutation.flushJobs', { target: 'FINISHED', confirm: true }, as);
  await call('Mutation.deleteCleanupSchedule', { id }, as);
}

async function lockOut({ email, password: right }: Person): Promise<void> {
  const headers = from(newAddress());
  for (let n = 0; n < 6; n += 1) {
    await call('Mutation.signIn', { email, password: password('a wrong password') }, { headers });
    await call('Mutation.signInWithRecoveryCode', { email, code: WRONG_CODE }, { headers });
  }
  await call('Mutation.signIn', { email, password: right }, { headers });
}

/** Secrets where they do not belong: in documents that are none, in other arguments, in addresses. */
async function requestsThatAreNone(me: Person): Promise<void> {
  const code = WRONG_CODE;
  for (const query of [
    `mutation { verifyRecoveryCode(code: "${code}" }`,
    `mutation { verifyRecoveryCode(code: ${code.replaceAll('-', '')}) { outcome } }`,
    `mutation { verifyRecoveryCode(kode: "${code}") { outcome } }`,
    `mutation ${me.password.replaceAll(/\W/g, '')} { signIn(email: 7, password: "${me.password}") { accessToken } }`,
    `mutation { signIn(email: "${me.email}", password: ["${me.password}"]) { accessToken } }`,
    `{ recoveryCodeBatch(id: "${code}") { id } }`,
  ]) {
    note('a request that is none', await app.post(query, {}, { headers: from() }));
  }
  note('wrong variables', await app.post('query($x: Int!) { recoveryCodeBatch(id: $x) { id } }', { x: me.password }));
  for (const url of [`/graphql?query={me(code:"${code}")}`, `/${code}`, `/%${code}`, `/graphql?${me.password}`]) {
    answers.push({ name: url.slice(0, 9), text: await (await fetch(`${app.url}${url}`)).text() });
  }
  const body = `{"query": "mutation { verifyRecoveryCode(code: \\"${code}\\") { outcome } }", oops "${me.password}"}`;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${code}`, cookie: me.password };
  const response = await fetch(`${app.url}/graphql`, { method: 'POST', body, headers });
  answers.push({ name: 'a body that is no JSON', text: await response.text() });
}

/** Faults of ours in the midst of handling a secret: the database refuses the statement that has it as a value. */
async function faults({ email, password: right }: Person): Promise<void> {
  const { token, refreshToken } = signedIn(await call('Mutation.signIn', { email, password: right }));
  const { codes: plain } = await issue(token);
  for (const table of ['recovery_codes', 'refresh_tokens', 'verification_tokens', 'rate_limits', 'outbox']) {
    await app.database.rows(`alter table ${table} rename to gone`);
    await call('Mutation.verifyRecoveryCode', { code: plain[0] }, { token });
    await call('Mutation.signInWithRecoveryCode', { email, code: plain[0] });
    await call('Mutation.signIn', { email, password: right });
    await call('Mutation.refreshSession', { refreshToken });
    await call('Mutation.verifyEmail', { token: newSecretToken(), password: right });
    await call('Mutation.register', { email: newEmail(), password: password() });
    await app.database.rows(`alter table gone rename to ${table}`);
  }
}

async function allPlaces(): Promise<Place[]> {
  return [
    ...app.log.map((text, index) => ({ name: `line ${index + 1} of the log`, text })),
    { name: 'the output of the process', text: output },
    ...(await databasePlaces(app.database)),
    ...(await filePlaces(app.settings['DATA_DIR'] as string)),
    ...answers,
  ];
}

describe('secrets', () => {
  it('went through every operation, in success and in failure, and faults of ours too', () => {
    const names = [...fields.keys()];
    expect(names.filter((name) => !succeeded.has(name))).toEqual([]);
    const codes = new Set([...failed.values()].flatMap((each) => [...each]));
    const wanted = [
      'BAD_USER_INPUT',
      'NOT_FOUND',
      'INVALID_CREDENTIALS',
      'INVALID_TOKEN',
      'RATE_LIMITED',
      'ALREADY_EXPORTED',
    ];
    expect(codes).toEqual(
      new Set([...wanted, 'ALREADY_EMAILED', 'REFRESH_TOKEN_REUSED', 'UNAUTHENTICATED', 'INTERNAL_SERVER_ERROR']),
    );
    expect(scan.size).toBeGreaterThan(80);
    expect(app.log.filter((line) => line.includes('"level":"error"')).length).toBeGreaterThan(3);
  });

  it('are in no log, no column of the database, no file, no error: a mailed token in its mail only', async () => {
    const places = await allPlaces();
    expect(places.filter(({ name }) => name.endsWith('.eml')).length).toBeGreaterThan(8);
    expect(places.filter(({ name }) => name.startsWith('audit_events.')).length).toBeGreaterThan(10);
    expect(scan.finds(places)).toEqual([]);
  });
});
