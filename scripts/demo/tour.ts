import { randomBytes } from 'node:crypto';
import { Client } from './client.ts';
import { type Admin, watchCleanup } from './dashboard.ts';
import { expect } from './demo-error.ts';
import { awaitMail } from './mailbox.ts';
import { batchText, printStep, shortened } from './print.ts';

export interface Place {
  readonly url: string;
  readonly mailDir: string;
  /** Undefined: what only an admin may do is left out. */
  readonly admin: Admin | undefined;
}

/** Somebody new at each run. */
interface Visitor {
  readonly client: Client;
  readonly email: string;
  readonly password: string;
}

const BATCH = 'id number status issuedCount remainingCount expiresAt';
const SIGNED_IN = 'accessToken refreshToken remainingCount session { method } account { email }';
const EXPIRY_DAYS = 90;
const WITHOUT_ADMIN =
  'Left out: cleanup and its reports, which are for admins. Give the password that the first start printed: ADMIN_PASSWORD=… npm run demo';

const REGISTER =
  'mutation($email: String!, $password: String!) { register(email: $email, password: $password) { acknowledged } }';
const VERIFY_EMAIL =
  'mutation($token: String!, $password: String!) { verifyEmail(token: $token, password: $password) { acknowledged } }';
const SIGN_IN = `mutation($email: String!, $password: String!) { signIn(email: $email, password: $password) { ${SIGNED_IN} } }`;
const GENERATE = `mutation($input: GenerateRecoveryCodesInput) {
  generateRecoveryCodes(input: $input) { batch { ${BATCH} } codes { position code } }
}`;
const TEST = 'mutation($code: String!) { testRecoveryCode(code: $code) { outcome setupVerifiedAt } }';
const VERIFY = 'mutation($code: String!) { verifyRecoveryCode(code: $code) { outcome } }';
const SIGN_IN_BY_CODE = `mutation($email: String!, $code: String!, $password: String) {
  signInWithRecoveryCode(email: $email, code: $code, password: $password) { ${SIGNED_IN} }
}`;
const HISTORY = `query {
  me { generateCooldown { isActive retryAfterSeconds }
    batches(first: 10) { totalCount edges { node { ${BATCH} usedCount codes { position status usedAt } } } } }
}`;

/** From registering to the history, step by step. @throws DemoError where something is not as it should be */
export async function takeTour({ url, mailDir, admin }: Place): Promise<void> {
  const name = randomBytes(4).toString('hex');
  const visitor = {
    client: new Client(url),
    email: `demo-${name}@example.org`,
    password: `a quiet sentence of ${randomBytes(9).toString('base64url')}`,
  };
  console.log(`Server   ${url}\nAccount  ${visitor.email}\nMails    ${mailDir}`);
  await register(visitor, mailDir);
  const token = await signIn(visitor);
  const { codes, batchId } = await generate(visitor, token);
  const [first = '', second = ''] = codes;
  await testCode(visitor, token, first);
  await tryWrongCode(visitor, token);
  await signInByCode(visitor, second);
  await signInByCodeAgain(visitor, second);
  await generateAgain(visitor, token);
  await readHistory(visitor, token);
  if (admin === undefined) console.log(`\n${WITHOUT_ADMIN}`);
  else await watchCleanup(visitor.client, { admin, visitorToken: token, batchId });
  console.log('\nAll as it should be.');
}

async function register({ client, email, password }: Visitor, mailDir: string): Promise<void> {
  const { acknowledged } = await client.ask({ query: REGISTER, variables: { email, password } });
  expect(acknowledged === true, 'register did not acknowledge.');
  printStep('register(email, password)', [['answer', 'acknowledged, as for an address that is known already']]);

  const { subject, token } = await awaitMail(mailDir, email);
  printStep(`a mail to ${email}`, [
    ['subject', subject],
    ['token', shortened(token)],
  ]);
  await client.ask({ query: VERIFY_EMAIL, variables: { token, password } });
  printStep('verifyEmail(token, password)', [['answer', 'acknowledged: the account is open']]);
}

async function signIn({ client, email, password }: Visitor): Promise<string> {
  const session = await client.ask({ query: SIGN_IN, variables: { email, password } });
  expect(session.account.email === email, `signIn answered for another account than ${email}.`);
  printStep('signIn(email, password)', sessionLines(session));
  return session.accessToken;
}

async function generate({ client }: Visitor, token: string): Promise<{ codes: string[]; batchId: string }> {
  const variables = { input: { expiresInDays: EXPIRY_DAYS } };
  const { batch, codes } = await client.ask({ query: GENERATE, variables, token });
  expect(codes.length === batch.issuedCount, 'generateRecoveryCodes did not show every code that it issued.');
  printStep(`generateRecoveryCodes(expiresInDays: ${EXPIRY_DAYS})`, [
    ['batch', batchText(batch)],
    ['expires', batch.expiresAt],
    ['codes', codes.map((entry: any) => `${String(entry.position).padStart(2)}  ${entry.code}`)],
  ]);
  return { codes: codes.map((entry: any) => entry.code), batchId: batch.id };
}

async function testCode({ client }: Visitor, token: string, code: string): Promise<void> {
  const { outcome, setupVerifiedAt } = await client.ask({ query: TEST, variables: { code }, token });
  expect(outcome === 'VERIFIED', `testRecoveryCode answered ${outcome} to a code just issued.`);
  printStep('testRecoveryCode(code 1)', [
    ['outcome', `${outcome}, and the code is not spent`],
    ['verified', setupVerifiedAt],
  ]);
}

async function tryWrongCode({ client }: Visitor, token: string): Promise<void> {
  const code = 'WRoNGx-WRoNGx-WRoNGx-WRoNGx-WRoNGx-WRoNGx';
  const { outcome } = await client.ask({ query: VERIFY, variables: { code }, token });
  expect(outcome === 'REJECTED', `verifyRecoveryCode answered ${outcome} to a wrong code.`);
  printStep('verifyRecoveryCode(a wrong code)', [['outcome', outcome]]);
}

async function signInByCode({ client, email, password }: Visitor, code: string): Promise<void> {
  const session = await client.ask({ query: SIGN_IN_BY_CODE, variables: { email, code, password } });
  expect(session.session.method === 'RECOVERY_CODE', 'signInWithRecoveryCode opened a session of another kind.');
  printStep('signInWithRecoveryCode(email, code 2)', [
    ...sessionLines(session),
    ['codes left', String(session.remainingCount)],
  ]);
}

async function signInByCodeAgain({ client, email, password }: Visitor, code: string): Promise<void> {
  const again = { query: SIGN_IN_BY_CODE, variables: { email, code, password } };
  const refusal = await client.askInVain(again, 'INVALID_CREDENTIALS');
  printStep('signInWithRecoveryCode(email, code 2), again', [
    ['refused', `${refusal.extensions.code}: ${refusal.message}`],
    ['', 'a spent code is answered as a wrong one'],
  ]);
}

async function generateAgain({ client }: Visitor, token: string): Promise<void> {
  const { message, extensions } = await client.askInVain({ query: GENERATE, token }, 'RATE_LIMITED');
  const { code, retryAt, retryAfterSeconds } = extensions;
  expect(Number(retryAfterSeconds) > 0 && retryAt !== undefined, 'RATE_LIMITED did not tell how long to wait.');
  printStep('generateRecoveryCodes(), too soon', [
    ['refused', `${code}: ${message}`],
    ['wait', `${retryAfterSeconds} s, until ${retryAt}`],
  ]);
}

async function readHistory({ client }: Visitor, token: string): Promise<void> {
  const { batches, generateCooldown } = await client.ask({ query: HISTORY, token });
  const [batch] = batches.edges.map((edge: any) => edge.node);
  const used = batch?.codes.filter((entry: any) => entry.status === 'USED') ?? [];
  expect(batches.totalCount === 1 && batch.usedCount === 1, 'The history does not hold one batch with one code used.');
  expect(used.length === 1 && used[0].position === 2, 'The history does not say that code 2 was used.');
  expect(
    generateCooldown.isActive === true,
    'generateCooldown does not tell the wait that generateRecoveryCodes told.',
  );
  printStep('me { batches generateCooldown }', [
    ['batches', `${batches.totalCount}`],
    ['newest', batchText(batch)],
    ['used', used.map((entry: any) => `code ${entry.position} at ${entry.usedAt}`)],
    ['cooldown', `${generateCooldown.retryAfterSeconds} s`],
  ]);
}

function sessionLines(session: { accessToken: string; refreshToken: string; session: { method: string } }) {
  return [
    ['session', session.session.method],
    ['access', shortened(session.accessToken)],
    ['refresh', shortened(session.refreshToken)],
  ] as const;
}
