// A process of its own, as the real server is one: the least that an app would write to answer the same requests.
import { ApolloServer, HeaderMap } from '@apollo/server';
import Fastify, { type FastifyRequest } from 'fastify';
import { GraphQLDateTime } from 'graphql-scalars';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import pg from 'pg';
import type { Statement } from '../measuring/recorder.ts';
import { repeat, replay } from '../measuring/replay.ts';
import { bareHash } from './bare-hash.ts';
import { type BatchRow, batchOf, connectionOf } from './bare-history.ts';

/** What the process is told: where the database is, whose tokens to believe, and what was recorded of the program. */
export interface BareServerOrder {
  readonly databaseUrl: string;
  readonly poolSize: number;
  readonly issuer: string;
  readonly jwks: JSONWebKeySet;
  readonly sessionCheck: Statement;
  readonly account: Statement;
  readonly page: Statement;
  readonly spend: Statement;
}

const TYPE_DEFINITIONS = `
  scalar DateTime
  type Query { me: Account }
  type Account { id: ID! batches(first: Int): BatchConnection! }
  type BatchConnection { edges: [BatchEdge!]! pageInfo: PageInfo! totalCount: Int! }
  type BatchEdge { cursor: String! node: Batch! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Batch {
    id: ID! number: Int! status: String! createdAt: DateTime! expiresAt: DateTime
    issuedCount: Int! usedCount: Int! remainingCount: Int!
  }
`;

process.once('message', (order: BareServerOrder) => void serve(order));
process.once('disconnect', () => process.exit());

async function serve(order: BareServerOrder): Promise<void> {
  const pool = new pg.Pool({ connectionString: order.databaseUrl, max: order.poolSize });
  const keys = createLocalJWKSet(order.jwks);

  async function checkCaller(request: FastifyRequest): Promise<void> {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
    const options = { algorithms: ['EdDSA'], typ: 'at+jwt', issuer: order.issuer, audience: order.issuer };
    const { payload } = await jwtVerify(token, keys, options);
    const check = { text: order.sessionCheck.text, values: [payload['sid']] };
    if ((await repeat(pool, check)).rowCount !== 1) throw new Error('Nobody is signed in.');
  }
  const readMe = async () => (await repeat(pool, order.account)).rows[0] as { id: string };
  const readPage = async () => (await repeat(pool, order.page)).rows as BatchRow[];

  const app = Fastify();
  app.post('/history', async (request) => {
    await checkCaller(request);
    const { id } = await readMe();
    return { data: { me: { id, batches: connectionOf(await readPage()) } } };
  });
  app.post<{ Body: BareSpendBody }>('/spend', async (request) => {
    await checkCaller(request);
    const { code, hashing, instead } = request.body;
    await bareHash(code, { ...hashing, salt: Buffer.from(hashing.salt, 'hex') });
    const { rows } = await replay(pool, order.spend, new Map(Object.entries(instead)));
    return { data: { verifyRecoveryCode: { outcome: 'ACCEPTED', batch: batchOf(rows[0] as BatchRow) } } };
  });

  const apollo = new ApolloServer({
    typeDefs: TYPE_DEFINITIONS,
    resolvers: {
      DateTime: GraphQLDateTime,
      Query: { me: readMe },
      Account: { batches: async () => connectionOf(await readPage()) },
    },
  });
  await apollo.start();
  app.post('/graphql', async (request, reply) => {
    const headers = new HeaderMap([['content-type', 'application/json']]);
    const answer = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: 'POST', headers, body: request.body, search: '' },
      context: async () => {
        await checkCaller(request);
        return {};
      },
    });
    if (answer.body.kind !== 'complete') throw new Error('An answer in parts.');
    return reply.type('application/json').send(answer.body.string);
  });
  process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }));
}

export interface BareSpendBody {
  readonly code: string;
  readonly hashing: { readonly salt: string; readonly memoryKib: number; readonly passes: number };
  readonly instead: Record<string, string>;
}
