import { MongoClient } from 'mongodb';
import { randomBytes } from 'node:crypto';
import type { MongoTestServer } from './launch.js';
import { OWN_ENGINE } from './own-server.js';

const ANSWERS_WITHIN_MS = 10_000;
const ADDRESS = /^(?<start>mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/(?<database>[^?]*))?(?:\?(?<options>.*))?$/;

/** Uses a MongoDB server that is there already. @throws when it does not answer */
export async function realServer(address: string): Promise<MongoTestServer> {
  const info = await withClient(address, async (client) => await client.db('admin').command({ buildInfo: 1 }));
  const suffix = randomBytes(4).toString('hex');
  const named = new Set<string>();
  const unavailable = async () => await Promise.reject(new Error('Not with the server of MONGODB_URL.'));
  return {
    isReal: true,
    engine: info['gitVersion'] === 'not MongoDB' ? OWN_ENGINE : `MongoDB ${info['version']}`,
    url(databaseName) {
      const name = `${databaseName}_${suffix}`;
      named.add(name);
      return withDatabase(address, name);
    },
    kill: unavailable,
    restart: unavailable,
    cut: unavailable,
    mend: unavailable,
    stop: async () =>
      await withClient(address, async (client) => {
        for (const name of named) await client.db(name).dropDatabase();
      }),
  };
}

async function withClient<T>(address: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(address, { serverSelectionTimeoutMS: ANSWERS_WITHIN_MS });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function withDatabase(address: string, name: string): string {
  const { start, database, options } = ADDRESS.exec(address)?.groups ?? {};
  if (start === undefined) throw new Error('MONGODB_URL is not the address of a MongoDB server.');
  const parameters = new URLSearchParams(options);
  // Without this the account would be looked for in the database that the address names.
  if (start.includes('@') && !parameters.has('authSource')) {
    parameters.set('authSource', database === undefined || database === '' ? 'admin' : database);
  }
  return `${start}/${name}?${parameters.toString()}`;
}
