import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import { ERROR_CODES } from '../../src/domain/errors.js';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { operationAnswer } from '../support/access-table.js';
import { ageSession, issue, makeAccount, PASSWORD, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { badCases, type BadCase, MARK } from '../support/bad-values.js';
import { TOGETHER } from '../support/later-app.js';
import { requestsDone } from '../support/requests-done.js';
import { makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { documentOf, type Field, objectTypeOf, operations } from '../support/schema-walk.js';
import { tableChecksums } from '../support/table-checksums.js';

const fields = operations(await buildSparekeySchema());
const names = [...fields.keys()];

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: '1000', RECOVERY_SIGN_IN: 'with-password' });
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

type Variables = Record<string, unknown>;

/** Where an argument would not be looked at otherwise: a stale session has to give its password, a sign-in both. */
async function rightArguments(name: string, scene: Scene): Promise<Variables> {
  const right = await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<Variables>)(scene);
  switch (name) {
    case 'Mutation.generateRecoveryCodes':
      await ageSession(app, scene.owner);
      return { input: { expiresInDays: 7, currentPassword: PASSWORD } };
    case 'Mutation.signInWithRecoveryCode':
    case 'Mutation.verifyEmail':
      return { ...right, password: PASSWORD };
    default:
      return right;
  }
}

const FAULTS: ReadonlySet<string> = new Set(['INTERNAL_SERVER_ERROR', 'UNAVAILABLE', 'JOBS_UNAVAILABLE']);
const REFUSALS: ReadonlySet<unknown> = new Set(['REJECTED', 'INVALID_CODE', 'NOT_FOUND', 'NO_ACTIVE_BATCH']);

/** The error's code, the outcome, null, or `answer`. */
function wordOf({ errors, code, data }: Answer, field: string): string {
  if (errors.length > 0) return String(code);
  const value = data[field];
  return value === null ? 'null' : (value.outcome ?? 'answer');
}

/** What no answer may be, whatever was asked. */
function problemsOf({ errors, status, text }: Answer, label: string): string[] {
  const codes = errors.map(({ extensions }) => String(extensions?.['code']));
  const unknown = codes.filter((code) => !(ERROR_CODES as readonly string[]).includes(code));
  const faults = [...unknown, ...codes.filter((code) => FAULTS.has(code))].map((code) => `${label}: ${code}`);
  const echo = text.toLowerCase().includes(MARK.toLowerCase()) ? [`${label}: echoed in ${text.slice(0, 200)}`] : [];
  return [...faults, ...echo, ...(status === 200 ? [] : [`${label}: status ${status}`])];
}

/**
 * What is bad by the generator's lights and right by the contract's: an empty password is none, and most long texts are
 * passwords; an address may hold an emoji.
 */
const A_SCHEDULE =
  /^input: (?:name: (?:another text|(?:the right one and an )?emoji|SQL|a path|markup)|retentionDays: zero|maxDeletionsPerRun: minus one)$/;
const RIGHT_AFTER_ALL: Readonly<Record<string, RegExp>> = {
  // A name is any one line, and who signed in a moment ago needs no password.
  'Mutation.createServiceKey':
    /^(?:currentPassword: |input: name: (?:another text|(?:the right one and an )?emoji|SQL|a path|markup)$)/,
  'Mutation.rotateSigningKey': /^currentPassword: /,
  // Its name and audience are any one line.
  'Mutation.saveOidcClient':
    /^(?:currentPassword: |input: (?:name|audience): (?:another text|(?:the right one and an )?emoji|SQL|a path|markup)$)/,
  'Mutation.register': /^password: |^email: the right one and an emoji$/,
  'Mutation.resendEmailVerification': /^email: the right one and an emoji$/,
  'Mutation.verifyEmail': /^password: an empty text$/,
  'Mutation.requestPasswordReset': /^email: the right one and an emoji$/,
  'Mutation.resetPassword': /^newPassword: /,
  'Mutation.changePassword': /^newPassword: /,
  'Mutation.requestEmailChange': /^newEmail: the right one and an emoji$/,
  // A name is any one line; the rest are limits that the contract has, and filters by which nothing is found.
  'Mutation.createCleanupSchedule': A_SCHEDULE,
  'Mutation.updateCleanupSchedule': A_SCHEDULE,
  'Mutation.runCleanup': /^input: (?:retentionDays: zero|maxDeletionsPerRun: minus one)$/,
  'Query.purgeReports': /^filter: (?:empty$|scheduleId: )/,
  // Nothing is called so, or blanks are no search.
  'Query.accounts': /^search: /,
  'Query.auditEvents': /^filter: (?:empty$|(?:accountId|batchId): )/,
};

describe('bad arguments', () => {
  it.each(names)('%s', async (name) => {
    const field = fields.get(name) as Field;
    const scene = await makeScene(app, admin);
    const isForAdmins = operationAnswer(name, 'owner') === 'FORBIDDEN';
    const token = (isForAdmins ? admin : scene.owner).token;
    const call = (variables: Variables) => app.post(documentOf(name, field, briefly(field)), variables, { token });

    let right = await rightArguments(name, scene);
    let cases = await casesOf(name, field, right);
    const logged = app.log.length;
    const problems: string[] = [];
    let before = await tableChecksums(app.database);
    for (let n = 0; n < cases.length; n += 1) {
      const { label, variables } = cases[n] as BadCase;
      const answer = await call(variables);
      const word = wordOf(answer, field.name);
      let after = await tableChecksums(app.database);
      if (word === 'answer' && RIGHT_AFTER_ALL[name]?.test(label)) {
        right = await rightArguments(name, scene);
        cases = await casesOf(name, field, right);
        await requestsDone(app.database);
        after = await tableChecksums(app.database);
      } else if (answer.errors.length === 0 && word !== 'null' && !REFUSALS.has(word)) {
        problems.push(`${label}: ${word}`);
      } else if (!isDeepStrictEqual(after, before)) {
        problems.push(`${label}: ${word}, and something changed`);
      }
      problems.push(...problemsOf(answer, label));
      before = after;
    }
    expect(problems).toEqual([]);
    expect(app.log.slice(logged).join('').toLowerCase()).not.toContain(MARK.toLowerCase());
    // Only what was bad was at fault.
    expect(wordOf(await call(right), field.name)).toBe(operationAnswer(name, isForAdmins ? 'admin' : 'owner'));
  });

  /** Enough of the answer to tell what it is. */
  function briefly(field: Field): string {
    const type = objectTypeOf(field);
    return type === undefined ? '' : 'outcome' in type.getFields() ? '{ outcome }' : '{ __typename }';
  }

  /** All that is generated, and what belongs to somebody else. */
  async function casesOf(name: string, field: Field, right: Variables): Promise<BadCase[]> {
    const cases = badCases(field, right);
    const named = field.args.filter(({ name: arg }) => ['id', 'batchId', 'selector'].includes(arg));
    if (named.length === 0 || operationAnswer(name, 'owner') === 'FORBIDDEN') return cases;
    const others = await makeAccount(app);
    const { id: batchId } = await issue(app, others);
    const [code] = await app.database.rows<{ id: string }>('select id from recovery_codes where batch_id = $1', [
      batchId,
    ]);
    const foreign: Record<string, unknown> = { id: batchId, batchId, selector: { codeId: code?.id } };
    return [
      ...cases,
      ...named.map(({ name: arg }) => ({ label: `${arg}: another's`, variables: { ...right, [arg]: foreign[arg] } })),
    ];
  }
});
