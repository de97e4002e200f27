import Fastify from 'fastify';
import { ApolloServer } from '@apollo/server';
import fastifyApollo from '@as-integrations/fastify';
import helmet from '@fastify/helmet';
import { buildSchema } from 'graphql';
import { createHttpServer } from './server/http-server.js';
import { createLogger } from './server/logger.js';
import { createMetrics } from './server/metrics.js';
import http from 'node:http';
const mk = () => { const schema = buildSchema('type N {id: ID! a: Int b: String c: String d: Int e: String} type E {node: N!} type C {edges:[E!]! totalCount: Int} type Query { list: C! hello: String }');
 (schema.getQueryType() as any).getFields().list.resolve = async () => ({ totalCount: 10, edges: Array.from({length:10},(_,i)=>({node:{id:String(i),a:i,b:'x',c:'y',d:2,e:'z'}})) }); return schema; };
const mode = process.argv[2];
let url: string;
if (mode === 'ours') {
  const s = await createHttpServer({ config: { server: { host:'127.0.0.1', port:0, publicUrl:'http://x', role:'all', logLevel:'info', corsOrigins:[], trustProxy:[], metricsToken:undefined, siteName:'S', dataDir:'', isProduction: true } as any }, schema: mk(), logger: createLogger(process.argv[3] ?? 'info'), metrics: createMetrics(), newContext: async (f: any) => ({ a: f.address }), readiness: async () => ({}) as any, jwks: async () => ({}) });
  url = (await s.listen()).url;
} else {
  const app = Fastify();
  if (mode === 'helmet') await app.register(helmet as any);
  const apollo = new ApolloServer({ schema: mk() });
  await apollo.start();
  await app.register((fastifyApollo as any)(apollo));
  url = await app.listen({ port: 0, host: '127.0.0.1' });
}
process.send!(url);
