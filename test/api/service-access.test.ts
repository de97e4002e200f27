import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GraphQLObjectType } from 'graphql';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { issue, makeAccount, signInAsAdmin, type TestAccount, type TestBatch } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { type As, type Host, issueTo, makeHost, newSubject } from '../support/hosts.js';
import { outboxDone } from '../support/outbox-done.js';
import { makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { documentOf, type Field, operations } from '../support/schema-walk.js';
import { tableChecksums } from '../support/table-checksums.js';

/**
 * What is answered to a service key, where the arguments name something of its user's:
 *   nobody: all operations, and no subject · issue, verify, read: only that operation, for the user · all: every operation,
 *   for the user · stranger: every operation, for a user of its realm to whom nothing was issued · other: every operation, for
 *   a user with codes whose name is the same, in another realm
 * A cell is an error's code, null, the payload's outcome, or answer for any other answer. An operation that is not here is
 * FORBIDDEN to all of them.
 */
const OPEN = `
                                   nobody     issue          verify     read       all            stranger         other
  Query.service                    answer     answer         answer     answer     answer         answer           answer
  Query.me                         FORBIDDEN  FORBIDDEN      FORBIDDEN  answer     answer         null             answer
  Query.recoveryCodeBatch          FORBIDDEN  FORBIDDEN      FORBIDDEN  answer     answer         null             null
  Mutation.generateRecoveryCodes   FORBIDDEN  answer         FORBIDDEN  FORBIDDEN  answer         answer           answer
  Mutation.testRecoveryCode        FORBIDDEN  FORBIDDEN      VERIFIED   FORBIDDEN  VERIFIED       NO_ACTIVE_BATCH  INVALID_CODE
  Mutation.verifyRecoveryCode      FORBIDDEN  FORBIDDEN      ACCEPTED   FORBIDDEN  ACCEPTED       REJECTED         REJECTED
  Mutation.markRecoveryCodesViewed FORBIDDEN  answer         FORBIDDEN  FORBIDDEN  answer         NOT_FOUND        NOT_FOUND
  Mutation.exportRecoveryCodes     FORBIDDEN  answer         FORBIDDEN  FORBIDDEN  answer         NOT_FOUND        NOT_FOUND
  Mutation.emailRecoveryCodes      FORBIDDEN  MAIL_DISABLED  FORBIDDEN  FORBIDDEN  MAIL_DISABLED  NOT_FOUND        NOT_FOUND
  Mutation.invalidateRecoveryCode  FORBIDDEN  DONE           FORBIDDEN  FORBIDDEN  DONE           NOT_FOUND        NOT_FOUND
  Mutation.deleteRecoveryCode      FORBIDDEN  DONE           FORBIDDEN  FORBIDDEN  DONE           NOT_FOUND        NOT_FOUND
  Mutation.deleteRecoveryCodeBatch FORBIDDEN  answer         FORBIDDEN  FORBIDDEN  answer         NOT_FOUND        NOT_FOUND
`;

/** Such an answer changes nothing. */
const ERROR = /^(?:FORBIDDEN|NOT_FOUND|MAIL_DISABLED)$/;

const CALLERS = ['nobody', 'issue', 'verify', 'read', 'all', 'stranger', 'other'] as const;
type CallerName = (typeof CALLERS)[number];

const table = new Map(
  OPEN.split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([name = '']) => /^\w+\./.test(name))
    .map(([name = '', ...cells]) => [name, cells] as const),
);

/** What of its user's account a service key that may READ is shown; every other field is FORBIDDEN to it. */
const OPEN_FIELDS = new Set(
  `id email emailVerifiedAt role createdAt externalId origin setupVerifiedAt activeBatch batches generateCooldown`.split(
    ' ',
  ),
);

const schema = await buildSparekeySchema();
const fields = operations(schema);
const names = [...fields.keys()];
const account = schema.getType('Account') as GraphQLObjectType;

interface Caller {
  readonly host: Host;
  readonly as: As;
}

let app: TestApp;
let admin: TestAccount;
let hosts: Readonly<Record<'all' | 'issue' | 'verify' | 'read' | 'other', Host>>;
/** Of a LOCAL account, whose things are out of reach. */
let scene: Scene;

beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '1000', CODES_PER_BATCH: '5' });
  admin = await signInAsAdmin(app);
  scene = await makeScene(app, admin);
  const all = await makeHost(app, admin);
  const only = (operation: string) => makeHost(app, admin, { realm: all.realm, operations: [operation] });
  const [issuing, verifying, reading] = [await only('ISSUE'), await only('VERIFY'), await only('READ')];
  hosts = { all, issue: issuing, verify: verifying, read: reading, other: await makeHost(app, admin) };
});
afterAll(() => app.close());

function callersFor(subject: string): Readonly<Record<CallerName, Caller>> {
  const { all, issue: issuing, verify, read, other } = hosts;
  return {
    nobody: { host: all, as: {} },
    issue: { host: issuing, as: { subject } },
    verify: { host: verify, as: { subject } },
    read: { host: read, as: { subject } },
    all: { host: all, as: { subject } },
    stranger: { host: all, as: { subject: newSubject() } },
    other: { host: other, as: { subject } },
  };
}

/** An answer in one word, as the table has it. */
function wordOf({ errors, code, data }: Answer, name: string): string {
  if (errors.length > 0) return String(code);
  const value = data[name];
  return value === null ? 'null' : (value.outcome ?? 'answer');
}

/** Arguments that are right and name something of the batch's, each time something that nothing was done with. */
async function argumentsOf(name: string, { id, codes }: TestBatch): Promise<object> {
  const rows = await app.database.rows<{ id: string }>(
    `select id from recovery_codes where batch_id = $1 and status = 'ACTIVE' limit 1`,
    [id],
  );
  switch (name) {
    case 'Query.recoveryCodeBatch':
      return { id };
    case 'Mutation.testRecoveryCode':
    case 'Mutation.verifyRecoveryCode':
      return { code: codes[0] };
    case 'Mutation.invalidateRecoveryCode':
    case 'Mutation.deleteRecoveryCode':
      return { selector: { codeId: rows[0]?.id } };
    case 'Mutation.generateRecoveryCodes':
      await app.database.rows('update rate_limits set blocked_until = null');
      return {};
    default:
      return { batchId: id };
  }
}

/** Of all but what workers and relays do meanwhile, and when a key was used last. */
async function checksums(): Promise<Record<string, string>> {
  const sums = await tableChecksums(app.database);
  const { agenda_jobs: _jobs, outbox: _outbox, email_log: _mails, service_keys: _keys, ...rest } = sums;
  const { purge_reports: _reports, purge_report_batches: _lines, ...kept } = rest;
  return kept;
}

describe('the table of what service keys may do', () => {
  it('has operations of the schema only', () => {
    expect([...table.keys()].filter((name) => !fields.has(name))).toEqual([]);
    for (const cells of table.values()) expect(cells).toHaveLength(CALLERS.length);
  });
});

describe('an operation that is open to service keys', () => {
  interface User {
    readonly subject: string;
    /** In the realm of all hosts but `other`, in which somebody of the same name has codes, too. */
    readonly batch: TestBatch;
  }

  let shared: User;

  beforeAll(async () => {
    shared = await newUser();
  });

  async function newUser(): Promise<User> {
    const subject = newSubject();
    const batch = await issueTo(app, hosts.issue, { subject });
    await issueTo(app, hosts.other, { subject });
    return { subject, batch };
  }

  it.each([...table.keys()])('%s', async (name) => {
    const field = fields.get(name) as Field;
    const said: Record<string, string> = {};
    for (const caller of CALLERS) {
      const wanted = table.get(name)?.[CALLERS.indexOf(caller)] ?? '';
      // Whoever gets something has it to itself, since a copy can be exported once, say.
      const { subject, batch } = wanted === 'FORBIDDEN' ? shared : await newUser();
      const { host, as } = callersFor(subject)[caller];
      const variables = { ...(await argumentsOf(name, batch)) };
      const before = ERROR.test(wanted) ? await checksums() : undefined;
      const query = documentOf(name, field, 'outcome' in below(field) ? '{ outcome }' : '{ __typename }');
      said[caller] = wordOf(await host.ask(query, variables, as), field.name);
      if (before !== undefined) expect(await checksums()).toEqual(before);
    }
    expect(said).toEqual(Object.fromEntries(CALLERS.map((caller, n) => [caller, table.get(name)?.[n]])));
  });

  function below({ type }: Field): object {
    const named = schema.getType(String(type).replaceAll(/[[\]!]/g, ''));
    return named instanceof GraphQLObjectType ? named.getFields() : {};
  }
});

describe('any other operation', () => {
  const closed = names.filter((name) => !table.has(name));

  it('is closed to every service key, those too that anybody may do without saying who it is', async () => {
    expect(closed).toEqual(expect.arrayContaining(['Mutation.register', 'Mutation.signOut', 'Query.accounts']));
    const asked: [string, object][] = [];
    for (const name of closed) {
      asked.push([name, await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(scene)]);
    }
    await outboxDone(app.database);
    const before = await checksums();
    const callers = callersFor(newSubject());
    const answered: unknown[] = [];
    for (const [name, variables] of asked) {
      const field = fields.get(name) as Field;
      for (const caller of ['nobody', 'all', 'stranger'] as const) {
        const { host, as } = callers[caller];
        const { errors, data } = await host.ask(documentOf(name, field), { ...variables }, as);
        const codes = errors.map(({ extensions }) => extensions?.['code']);
        answered.push([name, caller, codes, data?.[field.name] ?? null]);
      }
    }
    const wanted = closed.flatMap((name) =>
      ['nobody', 'all', 'stranger'].map((caller) => [name, caller, ['FORBIDDEN'], null]),
    );
    expect(answered).toEqual(wanted);
    expect(await checksums()).toEqual(before);
  }, 120_000);
});

describe("a user's account", () => {
  const selectionOf = (name: string) => {
    const field = account.getFields()[name] as Field;
    const isObject = schema.getType(String(field.type).replaceAll(/[[\]!]/g, '')) instanceof GraphQLObjectType;
    return `${name}${isObject ? ' { __typename }' : ''}`;
  };

  it.each(Object.keys(account.getFields()))('%s, by every path to it', async (name) => {
    const subject = newSubject();
    const { id } = await issueTo(app, hosts.issue, { subject });
    const wanted = OPEN_FIELDS.has(name) ? undefined : 'FORBIDDEN';
    const read = await hosts.read.ask(`{ me { ${selectionOf(name)} } }`, {}, { subject });
    const found = await hosts.read.ask(
      `query($id: ID!) { recoveryCodeBatch(id: $id) { account { ${selectionOf(name)} } } }`,
      { id },
      { subject },
    );
    expect([read.code, found.code]).toEqual([wanted, wanted]);
  });

  it('is shown by an answer to issuing only where the key may READ', async () => {
    const query = `mutation { generateRecoveryCodes { batch { account { id activeBatch { id } batches { totalCount } } } } }`;
    const subject = newSubject();
    const { code } = await hosts.issue.ask(query, {}, { subject });
    expect(code).toBe('FORBIDDEN');
    const { data, errors } = await hosts.all.ask(query, {}, { subject: newSubject() });
    expect(errors).toEqual([]);
    expect(data['generateRecoveryCodes'].batch.account).toMatchObject({ batches: { totalCount: 1 } });
  });

  it('says whose it is, and has no address', async () => {
    const subject = newSubject();
    await issueTo(app, hosts.all, { subject });
    const { data } = await hosts.all.ask(
      '{ me { email externalId origin role emailVerifiedAt activeBatch { deletedBy { id } } } }',
      {},
      { subject },
    );
    const origin = `service:${hosts.all.realm}`;
    const activeBatch = { deletedBy: null };
    const none = { email: null, emailVerifiedAt: null };
    expect(data['me']).toEqual({ ...none, externalId: subject, origin, role: 'USER', activeBatch });
  });
});

describe('what belongs to an account of another origin', () => {
  it('is out of reach, whatever its ids', async () => {
    const local = await makeAccount(app);
    const { id, codes } = await issue(app, local);
    const [code] = await app.database.rows<{ id: string }>('select id from recovery_codes where batch_id = $1', [id]);
    for (const subject of [newSubject(), local.email, local.id, `LOCAL ${local.email}`]) {
      await issueTo(app, hosts.all, { subject });
      const ask = async (query: string) => wordOf(await hosts.all.ask(query, {}, { subject }), 'it');
      expect(await ask(`{ it: recoveryCodeBatch(id: "${id}") { id } }`)).toBe('null');
      expect(await ask(`mutation { it: markRecoveryCodesViewed(batchId: "${id}") { id } }`)).toBe('NOT_FOUND');
      expect(await ask(`mutation { it: exportRecoveryCodes(batchId: "${id}") { file { name } } }`)).toBe('NOT_FOUND');
      expect(await ask(`mutation { it: deleteRecoveryCodeBatch(batchId: "${id}") { batch { id } } }`)).toBe(
        'NOT_FOUND',
      );
      const selector = `selector: { codeId: "${code?.id}" }`;
      expect(await ask(`mutation { it: invalidateRecoveryCode(${selector}) { outcome } }`)).toBe('NOT_FOUND');
      expect(await ask(`mutation { it: verifyRecoveryCode(code: "${codes[0]}") { outcome } }`)).toBe('REJECTED');
    }
    const [batch] = await app.database.rows('select * from recovery_code_batches where id = $1', [id]);
    expect(batch).toMatchObject({ status: 'ACTIVE', used_count: 0, viewed_at: null, exported_at: null });
    const accounts = await app.database.rows('select origin, email from accounts where id = $1', [local.id]);
    expect(accounts).toEqual([{ origin: 'LOCAL', email: local.email }]);
  });
});
