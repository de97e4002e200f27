// A process of its own, as the real server is one: graphql-ws as its documentation has it, and a schema that asks nothing.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

/** What every subscriber is to be told from then on, each time that it says so. */
export interface Publication {
  readonly purgeReported: unknown;
}

const SCHEMA = buildSchema(`
  type Query { isThere: Boolean }
  type Subscription { purgeReported: PurgeReport! }
  type PurgeReport {
    id: ID! cursor: String task: String! status: String! trigger: String! isDryRun: Boolean!
    startedAt: String! finishedAt: String durationMs: Int retentionDays: Int
    counts: [PurgeCount!]! total: Int! isCapped: Boolean! error: String
  }
  type PurgeCount { name: String! count: Int! }
`);

let next = Promise.withResolvers<Publication>();

process.once('message', () => {
  process.on('message', (publication: Publication) => {
    const { resolve } = next;
    next = Promise.withResolvers();
    resolve(publication);
  });
  const server = createServer();
  useServer(
    { schema: SCHEMA, roots: { subscription: { purgeReported: publications } } },
    new WebSocketServer({ server }),
  );
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
});
process.once('disconnect', () => process.exit());

async function* publications(): AsyncGenerator<Publication> {
  for (;;) yield await next.promise;
}
