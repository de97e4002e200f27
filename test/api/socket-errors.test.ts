import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SignedIn } from '../../src/domain/access/viewer.js';
import { LatestEvents } from '../../src/domain/live/latest-events.js';
import type { LiveSession } from '../../src/domain/live/live-session.js';
import { closeEdgeServers, type EdgeOptions, type EdgeServer, startEdgeServer } from '../support/edge-server.js';
import { connectWs, endSockets, openWs, type WsClient, type WsMessage } from '../support/ws-client.js';

const SQL = `insert into "accounts" ("email") values ('mallory@example.org') - relation "accounts" does not exist`;

class DatabaseError extends Error {
  readonly severity = 'ERROR';
  readonly code = '42P01';
  readonly detail = 'Key (email)=(mallory@example.org) already exists.';
  constructor() {
    super(SQL);
  }
}

const viewer: SignedIn = {
  kind: 'signed-in',
  accountId: 'a',
  role: 'USER',
  sessionId: 's',
  method: 'PASSWORD',
  limitSubject: 'a',
  secondsSinceAuthentication: 0,
};

const session = (): LiveSession => ({
  viewer,
  streams: 0,
  check: () => viewer,
  carry: () => () => undefined,
  leave: () => undefined,
});

async function* count(to: number) {
  for (let number = 1; number <= to; number += 1) yield { number };
}

let failing: (() => unknown) | undefined;
let contexts = 0;

const SOCKETS: NonNullable<EdgeOptions['sockets']> = {
  maxSubscriptionsPerSocket: 10,
  maxSocketsPerAccount: 10_000,
  enter: async (token) => {
    if (token === 'fails') throw new DatabaseError();
    if (token === 'away')
      throw Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:5432'), { code: 'ECONNREFUSED' });
    return token === 'good' ? session() : undefined;
  },
  newContext: (_session, facts) => {
    contexts += 1;
    return { facts };
  },
};

const RESOLVERS: EdgeOptions['resolvers'] = {
  'Subscription.ticks': ({ to }) => failing?.() ?? count(to as number),
  'Tick.fail': ({ how }) => {
    if (how === 'raw') throw new DatabaseError();
    return how;
  },
};

let edge: EdgeServer;
let production: EdgeServer;

beforeAll(async () => {
  edge = await startEdgeServer({ sockets: SOCKETS, resolvers: RESOLVERS });
  production = await startEdgeServer({ sockets: SOCKETS, resolvers: RESOLVERS, server: { isProduction: true } });
});
afterEach(() => {
  failing = undefined;
  endSockets();
});
afterAll(closeEdgeServers);

const connect = (server = edge) => connectWs(server.url, 'good');

/** All that comes of one subscription. */
async function outcomeOf(client: WsClient, query: string, variables?: Record<string, unknown>): Promise<WsMessage[]> {
  const id = client.subscribe(query, variables);
  const messages: WsMessage[] = [];
  do messages.push(await client.next());
  while (!['error', 'complete'].includes(messages.at(-1)?.type ?? ''));
  expect(messages.map((message) => message.id)).toEqual(messages.map(() => id));
  return messages;
}

/** The errors that end a subscription before it runs. */
async function refusalOf(client: WsClient, query: string, variables?: Record<string, unknown>) {
  const messages = await outcomeOf(client, query, variables);
  const told = messages[0];
  return told?.type === 'error' ? told.payload : told?.payload.errors;
}

describe('a subscription', () => {
  it('gives its events in order and completes, with a context of its own', async () => {
    const client = await connect();
    const before = contexts;
    const messages = await outcomeOf(client, 'subscription { ticks(to: 3) { number } }');
    expect(messages.map(({ type }) => type)).toEqual(['next', 'next', 'next', 'complete']);
    expect(messages.slice(0, 3).map(({ payload }) => payload)).toEqual(
      [1, 2, 3].map((number) => ({ data: { ticks: { number } } })),
    );
    expect(contexts).toBe(before + 1);
  });

  it('is refused where it is no subscription, and nothing is executed', async () => {
    const client = await connect();
    for (const query of ['{ hello }', 'mutation { bump }', 'query A { hello }']) {
      const messages = await outcomeOf(client, query);
      expect(messages).toMatchObject([
        { type: 'error', payload: [{ extensions: { code: 'BAD_USER_INPUT', argument: 'query' } }] },
      ]);
      expect(messages[0]?.payload[0].message).toMatch(/Only subscriptions.*POST/);
    }
    const named = { query: 'subscription S { ticks(to: 1) { number } } mutation M { bump }', operationName: 'M' };
    client.send({ id: 'm', type: 'subscribe', payload: named });
    expect(await client.next()).toMatchObject({ id: 'm', type: 'error' });
    expect(edge.bumps()).toBe(0);
    client.send({ id: 's', type: 'subscribe', payload: { ...named, operationName: 'S' } });
    expect(await client.event()).toEqual({ ticks: { number: 1 } });
  });

  const aliases = Array.from({ length: 16 }, (_, index) => `a${index}: number`).join(' ');
  it.each([
    ['does not parse', 'subscription { ticks(to: 1) { number ', /^Syntax error in line 1/],
    ['has two fields', 'subscription { ticks(to: 1) { number } other }', /./],
    ['asks for the schema', 'subscription { __schema { types { name } } }', /./],
    ['asks for what there is not', 'subscription { ticks(to: 1) { color } }', /"color"/],
    ['has too many aliases', `subscription { ticks(to: 1) { ${aliases} } }`, /too many aliases/],
    ['has too many tokens', `subscription { ticks(to: 1) { ${'number '.repeat(1_000)} } }`, /too many tokens/],
    ['lacks an argument', 'subscription { ticks { number } }', /"to"/],
    ['has several operations', 'subscription A { other } subscription B { other }', /Must provide operation name/],
    ['has none', 'fragment F on Tick { number }', /./],
  ])('is refused where it %s', async (_label, query, text) => {
    const client = await connect();
    const errors = await refusalOf(client, query);
    expect(errors.length).toBeGreaterThan(0);
    for (const { extensions } of errors) expect(extensions).toEqual({ code: 'BAD_USER_INPUT' });
    expect(errors[0].message).toMatch(text);
    expect(await outcomeOf(client, 'subscription { ticks(to: 1) { number } }')).toHaveLength(2);
  });

  it('is told names of the schema outside production only', async () => {
    const query = 'subscription { ticks(to: 1) { numbers } }';
    expect((await refusalOf(await connect(), query))[0].message).toMatch(/Did you mean "number"/);
    const [error] = await refusalOf(await connect(production), query);
    expect(error.message).not.toMatch(/Did you mean/);
    expect(error.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('does not echo what somebody typed', async () => {
    const client = await connect();
    const cases: [string, (secret: string) => Record<string, unknown>][] = [
      ['subscription($x: Int!) { ticks(to: $x) { number } }', (x) => ({ x })],
      ['subscription($x: EdgeInput) { ticks(to: 1, input: $x) { number } }', (note) => ({ x: { nested: { note } } })],
      ['subscription($x: EdgeInput) { ticks(to: 1, input: $x) { number } }', (key) => ({ x: { days: 1, [key]: 1 } })],
      ['subscription($x: String) { ticks(to: 1, text: $x) { number } }', (a) => ({ x: { a } })],
    ];
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[A-Z][A-Z2-9]{11}$/), async (secret) => {
        for (const [query, variables] of cases) {
          const messages = await outcomeOf(client, query, variables(secret));
          expect(JSON.stringify(messages)).not.toContain(secret);
          expect(JSON.stringify(messages)).toContain('BAD_USER_INPUT');
        }
        const messages = await outcomeOf(client, `subscription { ticks(to: "${secret}") { number } }`);
        expect(JSON.stringify(messages)).not.toContain(secret);
      }),
      { numRuns: 10 },
    );
  });
});

describe('what goes wrong inside', () => {
  const masked = { message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR' } };

  function expectMasked(messages: readonly WsMessage[], errors: any): void {
    expect(errors).toMatchObject([masked]);
    expect(JSON.stringify(messages)).not.toMatch(/insert|mallory|accounts/);
    const { errorId } = errors[0].extensions;
    const lines = edge.lines.filter((line) => line['errorId'] === errorId);
    expect(lines).toMatchObject([{ err: { message: 'The database refused a statement.', errorCode: '42P01' } }]);
    expect(JSON.stringify(edge.lines)).not.toContain('mallory');
  }

  it('is kept from clients where a subscription begins', async () => {
    failing = () => Promise.reject(new DatabaseError());
    const messages = await outcomeOf(await connect(), 'subscription { ticks(to: 1) { number } }');
    expectMasked(messages, messages[0]?.payload.errors);
  });

  it('is kept from clients in the fields of an event, and the next one comes', async () => {
    const messages = await outcomeOf(await connect(), 'subscription { ticks(to: 2) { number fail(how: "raw") } }');
    expect(messages.map(({ type }) => type)).toEqual(['next', 'next', 'complete']);
    expect(messages[1]?.payload.data).toEqual({ ticks: { number: 2, fail: null } });
    expectMasked(messages, messages[0]?.payload.errors);
  });

  it('is kept from clients between two events', async () => {
    failing = async function* () {
      yield { number: 1 };
      throw new DatabaseError();
    };
    const messages = await outcomeOf(await connect(), 'subscription { ticks(to: 2) { number } }');
    expect(messages.map(({ type }) => type)).toEqual(['next', 'error']);
    expectMasked(messages, messages[1]?.payload);
  });

  it('is kept from clients where a subscription gives no events at all', async () => {
    failing = () => ({ [SQL]: true });
    const client = await connect();
    client.subscribe('subscription { ticks(to: 1) { number } }');
    expect(await client.closed()).toEqual({ code: 4500, reason: 'Internal server error' });
    await outcomeOf(await connect(), 'subscription { ticks(to: 1) { number } }').catch(() => undefined);
  });

  it.each([
    ['fails', 4500, 'Internal server error'],
    ['away', 1013, 'Try again later'],
  ])('is kept from clients that are let in: %s', async (token, code, reason) => {
    const client = await openWs(edge.url);
    client.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
    expect(await client.closed()).toEqual({ code, reason });
    expect(JSON.stringify(edge.lines)).not.toMatch(/mallory/);
  });

  it('is UNAVAILABLE where the database is away', async () => {
    failing = () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    };
    const messages = await outcomeOf(await connect(), 'subscription { ticks(to: 1) { number } }');
    expect(messages[0]?.payload.errors).toMatchObject([{ extensions: { code: 'UNAVAILABLE' } }]);
  });
});

describe('stopping the server', () => {
  it('ends the sockets with 1001, those of clients that do not answer as well, and answers nobody new', async () => {
    const ticks = new LatestEvents<{ number: number }>(() => undefined);
    const server = await startEdgeServer({ sockets: SOCKETS, resolvers: { 'Subscription.ticks': () => ticks } });
    const [client, waiting, stuck] = [await connect(server), await openWs(server.url), await connect(server)];
    client.subscribe('subscription { ticks(to: 1) { number } }');
    ticks.offer('a', { number: 7 });
    expect(await client.event()).toEqual({ ticks: { number: 7 } });
    stuck.socket.pause();
    const before = performance.now();
    const closed = server.server.close();
    await expect(openWs(server.url)).rejects.toThrow(/ECONNREFUSED|HTTP 503|socket hang up/);
    for (const each of [client, waiting]) expect(await each.closed()).toEqual({ code: 1001, reason: 'Going away' });
    await closed;
    expect(performance.now() - before).toBeLessThan(2_500);
  });
});
