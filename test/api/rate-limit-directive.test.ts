import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type DefinitionNode, Kind, parse } from 'graphql';
import { REQUEST_TOPICS } from '../../src/jobs/do-request.js';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { operationAnswer } from '../support/access-table.js';
import { makeAccount, PASSWORD, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { from, newAddress } from '../support/client-origin.js';
import { TOGETHER } from '../support/later-app.js';
import { requestsDone } from '../support/requests-done.js';
import { makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { documentOf, type Field, objectTypes, operations } from '../support/schema-walk.js';
import { tableChecksums } from '../support/table-checksums.js';

const MAX_ATTEMPTS = 3;
const WRONG = { code: 'wrong', password: 'not the password of the tests' };

const schema = await buildSparekeySchema();
const fields = operations(schema);

/** `Type.field` to the policy that its directive names, in a document of definitions. */
function policiesOf(sdl: string): Record<string, string> {
  const found = parse(sdl).definitions.flatMap((definition: DefinitionNode) =>
    definition.kind !== Kind.OBJECT_TYPE_DEFINITION
      ? []
      : (definition.fields ?? []).flatMap(({ name, directives }) => {
          const value = directives?.find((each) => each.name.value === 'rateLimit')?.arguments?.[0]?.value;
          return value?.kind === Kind.ENUM ? [[`${definition.name.value}.${name.value}`, value.value] as const] : [];
        }),
  );
  return Object.fromEntries(found);
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const policies = policiesOf(read('schema.graphql'));
const limited = Object.entries(policies);

let app: TestApp;
let admin: TestAccount;

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_ATTEMPTS: String(MAX_ATTEMPTS) });
  admin = await signInAsAdmin(app);
});
afterAll(() => app.close());

interface Caller {
  readonly scene: Scene;
  /** Where all of its calls come from. */
  readonly headers: Record<string, string>;
}

async function call(name: string, { scene, headers }: Caller, others: object = {}): Promise<Answer> {
  const field = fields.get(name) as Field;
  const right = await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(scene);
  const token = (operationAnswer(name, 'owner') === 'FORBIDDEN' ? admin : scene.owner).token;
  return await app.post(documentOf(name, field), { ...right, ...others }, { token, headers });
}

const newCaller = async (): Promise<Caller> => ({ scene: await makeScene(app, admin), headers: from(newAddress()) });

/** Tries until it is refused: after MAX_ATTEMPTS at the latest. */
async function untilRefused(attempt: () => Promise<Answer>): Promise<void> {
  for (let n = 0; n < MAX_ATTEMPTS; n += 1) {
    if ((await attempt()).code === 'RATE_LIMITED') return;
  }
  expect((await attempt()).code).toBe('RATE_LIMITED');
}

/** What uses each policy's limit up for a caller, by whichever field does. */
const EXHAUST: Readonly<Record<string, (caller: Caller) => Promise<void>>> = {
  GENERATE: async ({ scene, headers }) => {
    const query = 'mutation { generateRecoveryCodes { batch { id } } }';
    await app.post(query, {}, { token: scene.owner.token, headers });
  },
  VERIFY: (caller) => untilRefused(() => call('Mutation.verifyRecoveryCode', caller, { code: WRONG.code })),
  SIGN_IN: async (caller) => {
    await untilRefused(() => call('Mutation.signIn', caller, { password: WRONG.password }));
    await untilRefused(() => call('Mutation.signInWithRecoveryCode', caller, { code: WRONG.code }));
  },
  SEND_MAIL: async ({ headers }) => {
    const query = 'mutation($email: String!) { resendEmailVerification(email: $email) { acknowledged } }';
    for (let n = 0; n < 20; n += 1) {
      expect((await app.post(query, { email: `${randomUUID()}@example.org` }, { headers })).errors).toEqual([]);
    }
    await requestsDone(app.database);
  },
};

describe('the directive @rateLimit', () => {
  it('stands in schema.graphql where the contract has it, with its policy, and nowhere else', () => {
    const built = new Set([...fields.keys(), ...objectTypes(schema).map(({ name }) => name)]);
    const promised = Object.entries(policiesOf(read('test/contract/api.graphql'))).filter(([name]) => built.has(name));
    expect(promised.length).toBeGreaterThan(8);
    expect(policies).toEqual(Object.fromEntries(promised));
  });

  it('is read from the schema that is served', () => {
    const served = [...fields].flatMap(([name, { astNode }]) => {
      const value = astNode?.directives?.find((each) => each.name.value === 'rateLimit')?.arguments?.[0]?.value;
      return value?.kind === Kind.ENUM ? [[name, value.value] as const] : [];
    });
    expect(Object.fromEntries(served)).toEqual(policies);
  });
});

describe('a field with @rateLimit', () => {
  // Whoever knows a code by its id guesses nothing: it is the plaintext that is limited.
  const TAKES_A_SELECTOR = new Set(['Mutation.invalidateRecoveryCode', 'Mutation.deleteRecoveryCode']);
  /** Nobody who is not signed in may learn that a mail was not sent. */
  const isSilent = ([name, policy]: [string, string]) =>
    policy === 'SEND_MAIL' && operationAnswer(name, 'anonymous') === 'answer';
  const told = limited.filter((each) => !isSilent(each));
  const silent = limited.filter(isSilent);

  it.each(told)(
    '%s is refused when %s is used up, though its arguments are right, and says until when',
    async (name, policy) => {
      const caller = await newCaller();
      await EXHAUST[policy]?.(caller);
      const others = TAKES_A_SELECTOR.has(name) ? { selector: { code: caller.scene.newCode() } } : {};
      // Not by `call` for GENERATE, whose right arguments end the cooldown.
      const answer =
        policy === 'GENERATE'
          ? await app.post(
              'mutation { generateRecoveryCodes { batch { id } } }',
              {},
              { token: caller.scene.owner.token },
            )
          : await call(name, caller, others);
      expect(answer.code).toBe('RATE_LIMITED');
      const { retryAt, retryAfterSeconds } = answer.errors[0]?.extensions ?? {};
      const seconds = (Date.parse(String(retryAt)) - Date.now()) / 1000;
      expect(Math.abs(seconds - Number(retryAfterSeconds))).toBeLessThan(2);
      expect(seconds).toBeGreaterThan(0);
    },
  );

  it.each(silent)('%s answers as ever when %s is used up, and sends nothing', async (name, policy) => {
    const caller = await newCaller();
    await EXHAUST[policy]?.(caller);
    const email = `${randomUUID()}@example.org`;
    const elsewhere: Caller = { ...caller, headers: from() };
    if (name !== 'Mutation.register') await call('Mutation.register', elsewhere, { email });
    const sent = await sentAndMade();
    const refused = await call(name, caller, { email });
    expect(await sentAndMade()).toEqual(sent);
    const admitted = await call(name, elsewhere, { email });
    expect(await sentAndMade()).not.toEqual(sent);
    expect(refused.errors).toEqual([]);
    expect(refused.text).toBe(admitted.text);
  });

  /** What the relay has ordered and made by now, having done all that was asked. */
  async function sentAndMade(): Promise<object> {
    await requestsDone(app.database);
    const { accounts, verification_tokens } = await tableChecksums(app.database);
    const orders = await app.database.rows('select id, topic, payload from outbox where topic <> all($1) order by id', [
      REQUEST_TOPICS,
    ]);
    return { accounts, orders, verification_tokens };
  }
});

describe('a field without @rateLimit', () => {
  it('is never refused as one, with every limit used up', async () => {
    const caller = await newCaller();
    const { owner } = caller.scene;
    // What needs a limited field itself, before there is no more.
    const tokens: Record<string, object> = {
      'Mutation.refreshSession': { refreshToken: owner.refreshToken },
      'Mutation.verifyEmail': { token: 'none' },
      'Mutation.resetPassword': { token: 'none', newPassword: PASSWORD },
      'Mutation.confirmEmailChange': { token: 'none' },
    };
    for (const exhaust of Object.values(EXHAUST)) await exhaust(caller);
    const free = [...fields.keys()].filter((name) => !(name in policies) && name !== 'Mutation.signOut');
    expect(free.length).toBeGreaterThan(7);
    for (const name of [...free, 'Mutation.signOut']) {
      const field = fields.get(name) as Field;
      const right = tokens[name] ?? (await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(caller.scene));
      const token = (operationAnswer(name, 'owner') === 'FORBIDDEN' ? admin : owner).token;
      const { code, errors } = await app.post(
        documentOf(name, field),
        { ...right },
        { token, headers: caller.headers },
      );
      const isOfNoToken = Object.values(tokens[name] ?? {}).includes('none');
      expect([name, code]).toEqual([name, isOfNoToken ? 'INVALID_TOKEN' : undefined]);
      expect(errors.map(({ extensions }) => extensions?.['code'])).not.toContain('RATE_LIMITED');
    }
  });

  it('is counted for no other account and no other address', async () => {
    const caller = await newCaller();
    await EXHAUST['SIGN_IN']?.(caller);
    const other: Caller = { scene: await makeScene(app, admin, await makeAccount(app)), headers: caller.headers };
    const elsewhere: Caller = { ...caller, headers: from() };
    for (const free of [other, elsewhere]) {
      expect((await call('Mutation.signIn', free, { password: PASSWORD })).errors).toEqual([]);
      expect((await call('Mutation.verifyRecoveryCode', free)).data['verifyRecoveryCode'].outcome).toBe('ACCEPTED');
    }
  });
});
