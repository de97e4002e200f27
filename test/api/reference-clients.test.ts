import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { type Client, createClient } from 'graphql-ws';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { issue, makeAccount, signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { TOGETHER } from '../support/later-app.js';
import { endReports, makeReports } from '../support/reports.js';

const REPORTS = 'subscription Reports($after: String) { purgeReported(after: $after) { id cursor } }';

let app: TestApp;
/** Its access tokens live for two seconds. */
let hasty: TestApp;
let admin: TestAccount;
const clients: Client[] = [];

beforeAll(async () => {
  app = await startTestApp({ ...TOGETHER, MAX_SOCKETS_PER_ACCOUNT: '1000' });
  hasty = await startTestApp({ ...app.settings, ACCESS_TOKEN_TTL_SECONDS: '2' }, { database: app.database });
  admin = await signInAsAdmin(app);
});
afterEach(async () => {
  // One that was refused last rejects with the closing.
  for (const client of clients.splice(0)) await Promise.resolve(client.dispose()).catch(() => undefined);
});
afterAll(async () => {
  await hasty.close();
  await app.close();
});

interface Connected {
  readonly client: Client;
  /** Every socket that it opened, the newest last. */
  readonly sockets: WebSocket[];
  readonly closings: number[];
}

function connect(server: TestApp, token: () => string | Promise<string>): Connected {
  const sockets: WebSocket[] = [];
  const closings: number[] = [];
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
    retryWait: () => delay(50),
    retryAttempts: 1_000,
    shouldRetry: () => true,
    on: {
      opened: (socket) => void sockets.push(socket as WebSocket),
      closed: (event) => void closings.push((event as { code: number }).code),
    },
  });
  clients.push(client);
  return { client, sockets, closings };
}

/** As a dashboard does it: the cursor of the last report goes along with each new beginning. */
function dashboard({ client }: Connected, after: string | undefined): string[] {
  const ids: string[] = [];
  const variables = { after };
  client.subscribe<{ purgeReported: { id: string; cursor: string } }>(
    { query: REPORTS, variables },
    {
      next: ({ data }) => {
        if (data === null || data === undefined) return;
        ids.push(data.purgeReported.id);
        variables.after = data.purgeReported.cursor;
      },
      error: (error) => void ids.push(`error ${JSON.stringify(error)}`),
      complete: () => undefined,
    },
  );
  return ids;
}

/** Runs end now and then, for so long. */
async function endRuns(count: number, everyMs: number): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    ids.push(...(await endReports(app.database, 1)).map(({ id }) => id));
    await delay(everyMs);
  }
  return ids;
}

describe("graphql-ws' own client", () => {
  it('gets every report once and in order, however often its connection is cut', async () => {
    const [first] = await endReports(app.database, 1);
    const connected = connect(app, () => admin.token);
    const ids = dashboard(connected, first?.cursor);
    await eventually(() => connected.sockets.length === 1);
    const cuts = (async () => {
      for (let count = 0; count < 6; count += 1) {
        await delay(200);
        connected.sockets.at(-1)?.terminate();
      }
    })();
    const ended = await endRuns(200, 7);
    await cuts;
    await eventually(() => ids.length >= ended.length);
    await delay(200);
    expect(ids).toEqual(ended);
    expect(connected.sockets.length).toBeGreaterThanOrEqual(6);
  });

  it('is closed when its token expires, comes back with a new one, and misses nothing', async () => {
    const me = await signInAsAdmin(hasty);
    let { refreshToken } = me;
    const refresh = async () => {
      const { data } = await hasty.post(
        'mutation($t: String) { refreshSession(refreshToken: $t) { accessToken refreshToken } }',
        { t: refreshToken },
      );
      refreshToken = data['refreshSession'].refreshToken;
      return data['refreshSession'].accessToken as string;
    };
    const [first] = await endReports(app.database, 1);
    const connected = connect(hasty, refresh);
    const ids = dashboard(connected, first?.cursor);
    const ended = await endRuns(100, 60);
    await eventually(() => ids.length >= ended.length);
    expect(ids).toEqual(ended);
    expect(connected.closings.length).toBeGreaterThanOrEqual(2);
    expect(new Set(connected.closings)).toEqual(new Set([4403]));
  });

  it('keeps being refused with a token that has expired', async () => {
    const { token } = await signInAsAdmin(hasty);
    const connected = connect(hasty, () => token);
    const ids = dashboard(connected, undefined);
    await eventually(() => connected.closings.length >= 3);
    expect(new Set(connected.closings)).toEqual(new Set([4403]));
    const seen = ids.length;
    await endReports(app.database, 2);
    await delay(200);
    expect(ids).toHaveLength(seen);
  });
});

describe("Apollo Client's link", () => {
  function apollo(connected: Connected): ApolloClient {
    return new ApolloClient({ link: new GraphQLWsLink(connected.client), cache: new InMemoryCache() });
  }

  it('gets every report once and in order, though it begins anew behind the last one now and then', async () => {
    const [first] = await endReports(app.database, 1);
    const connected = connect(app, () => admin.token);
    const client = apollo(connected);
    const ids: string[] = [];
    let after = first?.cursor;
    const query = gql(REPORTS);
    const begin = () =>
      client.subscribe<{ purgeReported: { id: string; cursor: string } }>({ query, variables: { after } }).subscribe({
        next: ({ data, error }) => {
          ids.push(data?.purgeReported.id ?? `error ${error?.message}`);
          after = data?.purgeReported.cursor ?? after;
        },
      });
    let current = begin();
    const ended: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      ended.push(...(await endRuns(15, 5)));
      current.unsubscribe();
      connected.sockets.at(-1)?.terminate();
      ended.push(...(await endRuns(5, 5)));
      current = begin();
    }
    await eventually(() => ids.length >= ended.length);
    await delay(200);
    current.unsubscribe();
    expect(ids).toEqual(ended);
    client.stop();
  });

  it('hears of the batches of an account, and of a refusal by its code', async () => {
    const me = await makeAccount(app);
    const { id } = await issue(app, me);
    const client = apollo(connect(app, () => me.token));
    const told: unknown[] = [];
    const errors: unknown[] = [];
    const batches = client
      .subscribe({ query: gql('subscription { recoveryCodesChanged { id remainingCount } }') })
      .subscribe({ next: ({ data }) => void told.push(data) });
    const refused = client.subscribe({ query: gql(REPORTS) }).subscribe({
      next: ({ error }) => void (error !== undefined && errors.push(error)),
    });
    await eventually(() => told.length === 1 && errors.length === 1);
    expect(told).toMatchObject([{ recoveryCodesChanged: { id, remainingCount: 10 } }]);
    expect(errors).toMatchObject([{ errors: [{ extensions: { code: 'FORBIDDEN' } }] }]);
    for (const each of [batches, refused]) each.unsubscribe();
    client.stop();
  });
});

describe('reports by way of the outbox', () => {
  it('reach a client of another server within two seconds', async () => {
    const connected = connect(hasty, async () => (await signInAsAdmin(hasty)).token);
    const [first] = await endReports(app.database, 1);
    const ids = dashboard(connected, first?.cursor);
    await eventually(() => connected.sockets.length === 1);
    const [made] = await makeReports(app.database, 1);
    await eventually(() => ids.length > 0, 2_000);
    expect(ids).toEqual([made?.id]);
  });
});
