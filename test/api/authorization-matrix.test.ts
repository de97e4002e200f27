import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { graphql, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { anonymous, rejected, type SignedIn, type Viewer } from '../../src/domain/access/viewer.js';
import type { Account } from '../../src/domain/accounts/account.js';
import type { Session } from '../../src/domain/accounts/sessions.js';
import type { Batch } from '../../src/domain/codes/batch.js';
import type { AuditEvent } from '../../src/domain/events/read-audit.js';
import type { Context } from '../../src/resolvers/context.js';
import { createLoaders } from '../../src/resolvers/loaders.js';
import { accountNode, auditNode, batchNode, sessionNode } from '../../src/resolvers/nodes.js';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import {
  FIELD_ACCESS,
  type FieldAccess,
  fieldAccess,
  operationAnswer,
  OPERATIONS_WITH_ACCESS,
  SUBSCRIPTIONS_WITH_ACCESS,
  VIEWERS,
  type ViewerName,
} from '../support/access-table.js';
import { makeAccount, PASSWORD, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { ADMIN_EMAIL, ADMIN_PASSWORD, type Answer, startTestApp, type TestApp } from '../support/app.js';
import { AnswerCheck } from '../support/answer-check.js';
import { type Asker, type Askers, makeAskers, makeScene, RIGHT_ARGUMENTS, type Scene } from '../support/scene.js';
import { eventually } from '../support/eventually.js';
import { endReports, makeRun, notify } from '../support/reports.js';
import {
  documentOf,
  type Field,
  objectTypeOf,
  objectTypes,
  operations,
  subscriptions,
} from '../support/schema-walk.js';
import { tableChecksums } from '../support/table-checksums.js';
import { connectWs, endSockets } from '../support/ws-client.js';

const schema: GraphQLSchema = await buildSparekeySchema();
const fields = operations(schema);
const names = [...fields.keys()];
const streams = subscriptions(schema);

let app: TestApp;
let admin: TestAccount;
let check: AnswerCheck;
let shared: Askers;

beforeAll(async () => {
  app = await startTestApp({ MAX_ATTEMPTS: '1000' });
  admin = await signInAsAdmin(app);
  check = new AnswerCheck(app.database);
  shared = await makeAskers(await makeScene(app, admin));
});
afterAll(async () => {
  endSockets();
  await app.close();
});

/** Whoever signs in reads the answer as the account that he signed in to, in its new session. */
function readerOf(payload: unknown, asker: Asker): Pick<Asker, 'accountId' | 'sessionId' | 'isActingAdmin'> {
  const { account, session } = (payload ?? {}) as {
    account?: { id: string; role: string };
    session?: Record<string, string>;
  };
  if (account === undefined || session === undefined) return asker;
  const isActingAdmin = account.role === 'ADMIN' && session['method'] === 'PASSWORD';
  return { accountId: account.id, sessionId: session['id'], isActingAdmin };
}

/** An answer in one word, as the table has it. */
function wordOf({ errors, code, data }: Answer, name: string): string {
  if (errors.length > 0) return String(code);
  const value = data[name];
  return value === null ? 'null' : (value.outcome ?? 'answer');
}

describe('the table of who may do what', () => {
  it('has every operation of the schema, and no other', () => {
    expect([...OPERATIONS_WITH_ACCESS].toSorted()).toEqual(names.toSorted());
    expect(Object.keys(RIGHT_ARGUMENTS).toSorted()).toEqual(names.toSorted());
    expect([...SUBSCRIPTIONS_WITH_ACCESS].toSorted()).toEqual([...streams.keys()].toSorted());
  });

  it('has every field of every object type, and no other', () => {
    const all = objectTypes(schema).flatMap((type) =>
      Object.keys(type.getFields()).map((name) => `${type.name}.${name}`),
    );
    expect(Object.keys(FIELD_ACCESS).toSorted()).toEqual(all.toSorted());
  });
});

describe('every operation, with all that can be reached by it', () => {
  /** What is asked of an account by whoever holds its mailed token and is not signed in. */
  const HELD = '{ id email emailVerifiedAt role createdAt }';
  const WAITING = 'select 1 from outbox where delivered_at is null and failed_at is null';
  /** After them their asker is not what he was: signed out, of another password, about to have another address, or gone. */
  const CHANGES_ITS_ASKER = new Set([
    'Mutation.signOut',
    'Mutation.changePassword',
    'Mutation.requestEmailChange',
    'Mutation.deleteMyAccount',
  ]);

  async function ask(name: string, scene: Scene, viewer: ViewerName, askers: Askers): Promise<void> {
    const field = fields.get(name) as Field;
    const asker = askers[viewer];
    const variables = await (RIGHT_ARGUMENTS[name] as (scene: Scene) => Promise<object>)(scene);
    // What was accepted before is delivered by then, and writes nothing any more.
    await eventually(async () => (await app.database.rows(WAITING)).length === 0);
    const before = await tableChecksums(app.database);
    const isHolder = name === 'Mutation.confirmEmailChange' && ['anonymous', 'rejected'].includes(viewer);
    const document = isHolder ? documentOf(name, field, HELD) : documentOf(name, field);
    const answer = await app.post(document, { ...variables }, { token: asker.token });
    const wanted = operationAnswer(name, viewer);
    expect({ viewer, answer: wordOf(answer, field.name) }).toEqual({ viewer, answer: wanted });
    if (answer.errors.length > 0) {
      expect(answer.errors).toHaveLength(1);
      expect(answer.data?.[field.name] ?? null).toBeNull();
      expect(await tableChecksums(app.database)).toEqual(before);
      return;
    }
    const value = answer.data[field.name];
    const reader = isHolder ? { ...asker, accountId: scene.owner.id } : readerOf(value, asker);
    expect(await check.problems(field, value, reader)).toEqual([]);
  }

  it.each(names)('%s', async (name) => {
    // All of them come from one address, which may have so many mails sent.
    await app.database.rows('delete from rate_limits');
    const scene = await makeScene(app, admin);
    const { token, id, sessionId } = scene.owner;
    const others = CHANGES_ITS_ASKER.has(name) ? await makeAskers(scene) : shared;
    const askers: Askers = { ...others, owner: { token, accountId: id, sessionId, isActingAdmin: false } };
    for (const viewer of VIEWERS) await ask(name, scene, viewer, askers);
  });

  /** What makes each subscription tell something, and what it is asked for. */
  const HAPPENINGS: Readonly<Record<string, () => Promise<{ variables?: object; happens: () => Promise<unknown> }>>> = {
    'Subscription.purgeReported': async () => ({ happens: () => endReports(app.database, 1) }),
    'Subscription.purgeProgressed': async () => {
      const id = await makeRun(app.database);
      return { variables: { reportId: id }, happens: () => notify(app.database, 'sparekey_purge_progressed', id) };
    },
    'Subscription.recoveryCodesChanged': async () => ({ happens: async () => undefined }),
  };

  async function hear(name: string, { token }: Asker): Promise<{ word: string; value?: unknown }> {
    const client = await connectWs(app.url, token).catch(() => undefined);
    if (client === undefined) return { word: 'closed' };
    const { variables, happens } = (await HAPPENINGS[name]?.()) ?? { happens: async () => undefined };
    client.subscribe(documentOf(name, streams.get(name) as Field), { ...variables });
    await new Promise((resolve) => setTimeout(resolve, 150));
    await happens();
    const { payload } = await client.next();
    client.socket.terminate();
    const errors = Array.isArray(payload) ? payload : payload.errors;
    if (errors !== undefined) return { word: String(errors[0].extensions.code) };
    return { word: 'answer', value: payload.data[(streams.get(name) as Field).name] };
  }

  it.each([...streams.keys()])('%s', async (name) => {
    const { owner } = await makeScene(app, admin);
    const asker: Asker = { token: owner.token, accountId: owner.id, sessionId: owner.sessionId, isActingAdmin: false };
    const askers: Askers = { ...shared, owner: asker };
    for (const viewer of VIEWERS) {
      const { word, value } = await hear(name, askers[viewer]);
      expect({ viewer, word }).toEqual({ viewer, word: operationAnswer(name, viewer) });
      expect(await check.problems(streams.get(name) as Field, value, askers[viewer])).toEqual([]);
    }
  });

  it('met every field of every object type, and hid an account from some and showed it to others', () => {
    expect(check.unmet(objectTypes(schema))).toEqual([]);
    expect(check.hidden.from).toBeGreaterThan(0);
    expect(check.hidden.shown).toBeGreaterThan(0);
  });
});

describe('the answer to signing in', () => {
  it('is read as the account that signed in, though the request carries the token of another', async () => {
    const { owner } = await makeScene(app, admin);
    const field = fields.get('Mutation.signIn') as Field;
    const asAdmin = { email: ADMIN_EMAIL, password: ADMIN_PASSWORD };
    const { data, errors } = await app.post(documentOf('Mutation.signIn', field), asAdmin, { token: owner.token });
    expect(errors).toEqual([]);
    const reader = readerOf(data['signIn'], shared.anonymous);
    expect(reader).toMatchObject({ accountId: admin.id, isActingAdmin: true });
    expect(await check.problems(field, data['signIn'], reader)).toEqual([]);
  });

  it('is read apart for two accounts that sign in by one document', async () => {
    const [first, second] = [await makeScene(app, admin), await makeScene(app, admin)];
    const field = fields.get('Mutation.signIn') as Field;
    const part = `{ session { id isCurrent } account { id email sessions { id isCurrent }
      activeBatch { id codes { id } account { id } }
      batches { edges { node { id deletedBy { id } account { id email lastSignedInAt } } } } } }`;
    const { data, errors } = await app.post(
      `mutation($a: String!, $b: String!, $password: String!) {
        a: signIn(email: $a, password: $password) ${part} b: signIn(email: $b, password: $password) ${part} }`,
      { a: first.owner.email, b: second.owner.email, password: PASSWORD },
      { token: (await makeAccount(app)).token },
    );
    expect(errors).toEqual([]);
    for (const [alias, { owner }] of [
      ['a', first],
      ['b', second],
    ] as const) {
      const reader = { accountId: owner.id, sessionId: data[alias].session.id, isActingAdmin: false };
      expect(data[alias].account.id).toBe(owner.id);
      expect(data[alias].account.batches.edges).toHaveLength(4);
      expect(await check.problems(field, data[alias], reader)).toEqual([]);
    }
  });
});

describe('a field, to whoever holds its object without a path to it', () => {
  /** The same types under a root that gives out the owner's objects to anybody, as other paths may one day. */
  async function probe(scene: Scene, viewer: Viewer): Promise<GraphQLSchema> {
    const { accounts, recoveryCodes } = app.app.services;
    const acting: Viewer = { ...(await signedIn(shared.admin)), role: 'ADMIN', method: 'PASSWORD' };
    const [account] = await accounts.byIds([scene.owner.id]);
    const batch = (await recoveryCodes.find(acting, scene.active.id)) as Batch;
    const [codes] = await recoveryCodes.codesOf([batch.id]);
    const [[session] = []] = await accounts.belongings.sessions([scene.owner.id]);
    const objects: Record<string, unknown> = {
      Account: accountNode(account as Account, viewer),
      RecoveryCodeBatch: batchNode({ ...batch, deletedBy: scene.owner.id }, viewer),
      RecoveryCode: codes?.[0],
      Session: sessionNode(session as Session, viewer),
      AuditEvent: auditNode(eventOf(scene.owner), viewer),
    };
    const given = Object.entries(objects).map(
      ([name, object]) => [name, { type: schema.getType(name) as GraphQLObjectType, resolve: () => object }] as const,
    );
    return new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Probe', fields: Object.fromEntries(given) }) });
  }

  /** What an account did to itself, with all that can be told of how. */
  function eventOf({ id, sessionId }: TestAccount): AuditEvent {
    const how = { method: 'PASSWORD', sessionId, serviceKeyId: randomUUID() } as const;
    const where = { ipAddress: '192.0.2.1', userAgent: 'Firefox on Linux' };
    const counts = { issuedCount: 10, removedCount: null, count: 1 };
    const what = { action: 'CODES_GENERATED', batchId: randomUUID(), codeId: null, reason: null } as const;
    const row = { id: randomUUID(), at: '0', createdAt: new Date(0) };
    return { ...row, ...what, ...counts, ...how, ...where, actorId: id, accountId: id };
  }

  async function signedIn({ accountId, sessionId }: Asker): Promise<SignedIn> {
    const [row] = await app.database.rows<Pick<SignedIn, 'role' | 'method' | 'limitSubject'>>(
      'select a.role, s.method, a.email_key as "limitSubject" from sessions s join accounts a on a.id = s.account_id where s.id = $1',
      [sessionId],
    );
    const { role, method, limitSubject } = row as Pick<SignedIn, 'role' | 'method' | 'limitSubject'>;
    return {
      kind: 'signed-in',
      accountId: accountId as string,
      limitSubject,
      sessionId: sessionId as string,
      role,
      method,
      secondsSinceAuthentication: 0,
    };
  }

  const viewerAs = async (name: ViewerName, asker: Asker): Promise<Viewer> =>
    name === 'anonymous' ? anonymous : name === 'rejected' ? rejected : await signedIn(asker);

  /** What a field answers: an error's code, or its value in one word. */
  async function ask(probed: GraphQLSchema, viewer: Viewer, [type, name]: readonly [string, string]): Promise<string> {
    const { services } = app.app;
    const origin = { address: undefined, network: undefined, userAgent: undefined };
    const contextValue: Context = { services, viewer, origin, loaders: createLoaders(services) };
    const field = (schema.getType(type) as GraphQLObjectType).getFields()[name] as Field;
    const below = objectTypeOf(field) === undefined ? '' : '{ __typename }';
    const source = `{ ${type} { ${name} ${below} } }`;
    const { data, errors } = await graphql({ schema: probed, source, contextValue });
    if (errors !== undefined) return String((errors[0]?.originalError as { code?: string } | undefined)?.code);
    const value = (data?.[type] as Record<string, unknown> | undefined)?.[name];
    return value === null || typeof value === 'boolean' ? String(value) : 'value';
  }

  function allowed(viewer: ViewerName, access: FieldAccess): readonly string[] {
    const isReader = viewer === 'owner' || viewer === 'admin';
    switch (access) {
      case 'self':
        return isReader ? ['value', 'null'] : [viewer === 'rejected' ? 'UNAUTHENTICATED' : 'FORBIDDEN'];
      case 'hidden':
      case 'veiled':
        return [isReader ? 'value' : 'null'];
      case 'current':
        return [String(viewer === 'owner')];
      case 'holder':
        return ['value', 'null', 'true', 'false'];
    }
  }

  it.each(VIEWERS)('%s', async (viewer) => {
    const scene = await makeScene(app, admin);
    const { id: accountId, sessionId, token } = scene.owner;
    const askers: Askers = { ...shared, owner: { token, accountId, sessionId, isActingAdmin: false } };
    const as = await viewerAs(viewer, askers[viewer]);
    const probed = await probe(scene, as);
    const wrong: string[] = [];
    for (const field of Object.keys(FIELD_ACCESS)) {
      const [type = '', name = ''] = field.split('.');
      if (probed.getQueryType()?.getFields()[type] === undefined) continue;
      const answer = await ask(probed, as, [type, name]);
      if (!allowed(viewer, fieldAccess(field)).includes(answer)) wrong.push(`${field}: ${answer}`);
    }
    expect(wrong).toEqual([]);
  });

  it('needs no check where the object has no owner: only these types have one', () => {
    const guarded = Object.entries(FIELD_ACCESS).filter(([, access]) => access !== 'holder');
    const types = new Set(guarded.map(([field]) => field.split('.')[0]));
    expect(types).toEqual(new Set(['Account', 'AuditEvent', 'RecoveryCodeBatch', 'Session']));
  });
});
