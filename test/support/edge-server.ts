import { Writable } from 'node:stream';
import {
  buildSchema,
  type GraphQLFormattedError,
  GraphQLObjectType,
  type GraphQLSchema,
  GraphQLScalarType,
} from 'graphql';
import type { Config } from '../../src/config/config.js';
import { createHttpServer, type HttpServer, type HttpServerParts } from '../../src/server/http-server.js';
import { createLogger } from '../../src/server/logger.js';
import { createMetrics, type Metrics } from '../../src/server/metrics.js';
import type { RequestFacts } from '../../src/server/request-facts.js';

/** A schema that has every kind of place for a value, and stands in for the real one where only the edge is tested. */
const SDL = `
  enum Colour { RED GREEN }
  scalar Strict
  input NestedInput { count: Int! colours: [Colour!] strict: Strict note: String }
  input EdgeInput { nested: NestedInput days: Int! }
  type Node { id: ID! value: Int node: Node nodes(first: Int): [Node!]! }
  type Query {
    hello: String!
    self: Node!
    fail(how: String!): String
    address: String
    userAgent: String
    take(text: String count: Int flag: Boolean colour: Colour strict: Strict input: EdgeInput list: [Int!]): String
  }
  type Mutation { bump(by: Int = 1): Int! }
  type Tick { number: Int! fail(how: String!): String }
  type Subscription { ticks(to: Int! input: EdgeInput text: String): Tick! other: Int }
`;

export interface EdgeContext {
  readonly facts: RequestFacts;
}

/** Resolvers by `Type.field`; what is not given resolves by property. One of Subscription returns its events. */
export type EdgeResolvers = Readonly<Record<string, (args: Record<string, unknown>, context: EdgeContext) => unknown>>;

export interface EdgeServer {
  readonly url: string;
  readonly server: HttpServer;
  readonly metrics: Metrics;
  /** Everything logged so far, one parsed line each. */
  readonly lines: Record<string, unknown>[];
  /** How often Mutation.bump ran. */
  bumps(): number;
  post(query: string, variables?: unknown, headers?: Record<string, string>): Promise<EdgeAnswer>;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: { data?: Record<string, unknown> | null; errors?: GraphQLFormattedError[] };
}

export interface EdgeOptions extends Partial<
  Pick<HttpServerParts<EdgeContext>, 'newContext' | 'readiness' | 'jwks' | 'afterMutation' | 'sockets'>
> {
  readonly server?: Partial<Config['server']>;
  readonly resolvers?: EdgeResolvers;
}

const started: HttpServer[] = [];

/** Ends every server that was started here. */
export async function closeEdgeServers(): Promise<void> {
  await Promise.all(started.splice(0).map((server) => server.close(500)));
}

/** The real HTTP server on a free port of loopback, over the small schema. */
export async function startEdgeServer(options: EdgeOptions = {}): Promise<EdgeServer> {
  const lines: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  let bumps = 0;
  const server = await createHttpServer<EdgeContext>({
    config: { server: { ...SERVER_CONFIG, ...options.server } },
    schema: edgeSchema({ 'Mutation.bump': () => (bumps += 1), ...options.resolvers }),
    logger: createLogger('info', lineSink(lines)),
    metrics,
    newContext: options.newContext ?? (async (facts) => ({ facts })),
    afterMutation: options.afterMutation,
    sockets: options.sockets,
    readiness:
      options.readiness ?? (async () => ({ isReady: true, database: 'up', migrations: 'applied', clockSkewMs: 3 })),
    jwks: options.jwks ?? (async () => ({ keys: [], maxAgeSeconds: 300 })),
  });
  started.push(server);
  const { url } = await server.listen();
  const post = (query: string, variables?: unknown, headers?: Record<string, string>) =>
    postGraphql(`${url}/graphql`, { query, variables }, headers);
  return { url, server, metrics, lines, bumps: () => bumps, post };
}

/** Posts any JSON, right or wrong. */
export async function postGraphql(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<EdgeAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as EdgeAnswer['body'] };
}

const SERVER_CONFIG: Config['server'] = {
  host: '127.0.0.1',
  port: 0,
  publicUrl: 'http://127.0.0.1:4000',
  role: 'all',
  logLevel: 'info',
  corsOrigins: [],
  trustProxy: [],
  metricsToken: undefined,
  siteName: 'Sparekey',
  dataDir: '.data',
  isProduction: false,
};

function edgeSchema(resolvers: EdgeResolvers): GraphQLSchema {
  const schema = buildSchema(SDL);
  const node = { id: '1', value: 1, nodes: [] };
  const defaults: EdgeResolvers = {
    'Query.hello': () => 'world',
    'Query.self': () => node,
    'Node.node': () => node,
    'Query.take': () => 'taken',
    'Query.address': (_args, { facts }) => facts.address,
    'Query.userAgent': (_args, { facts }) => facts.userAgent,
  };
  for (const [name, resolve] of Object.entries({ ...defaults, ...resolvers })) {
    const [typeName = '', fieldName = ''] = name.split('.');
    const type = schema.getType(typeName);
    const field = type instanceof GraphQLObjectType ? type.getFields()[fieldName] : undefined;
    if (!field) throw new Error(`The schema has no ${name}.`);
    const run = (_source: unknown, args: Record<string, unknown>, context: EdgeContext) => resolve(args, context);
    if (typeName === 'Subscription') Object.assign(field, { subscribe: run, resolve: (event: unknown) => event });
    else field.resolve = run;
  }
  refuseAll(schema.getType('Strict'));
  return schema;
}

/** As a careless custom scalar does: it puts what it was given into its message. */
function refuseAll(scalar: unknown): void {
  if (!(scalar instanceof GraphQLScalarType)) throw new Error('The schema has no such scalar.');
  const refuse = (value: unknown) => {
    throw new TypeError(`Not strict enough: ${JSON.stringify(value)}`);
  };
  scalar.parseValue = refuse;
  scalar.parseLiteral = (literal) => refuse('value' in literal ? literal.value : literal.kind);
}

function lineSink(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n').filter(Boolean))
        lines.push(JSON.parse(line) as Record<string, unknown>);
      done();
    },
  });
}
