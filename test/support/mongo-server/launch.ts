import { ownServer } from './own-server.js';
import { realServer } from './real-server.js';

/** A server for the MongoDB driver, and what can be done to it. */
export interface MongoTestServer {
  /** Whether this is the server of `MONGODB_URL`, which cannot be killed, restarted or cut off. */
  readonly isReal: boolean;
  /** What a test run may say it ran on. */
  readonly engine: string;
  /** The address of a database that no other test uses. */
  url(databaseName: string): string;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the data it had; ends it first if it still runs. */
  restart(): Promise<void>;
  /** Drops every connection and refuses new ones, while the server goes on. */
  cut(): Promise<void>;
  /** Ends what `cut` did. */
  mend(): Promise<void>;
  /** Ends it and removes its data; of a real server, drops the databases that `url` named. */
  stop(): Promise<void>;
}

/**
 * A MongoDB server for tests: that of `MONGODB_URL` when it is set, otherwise one of the tests' own in a process of its
 * own, which ends with this process.
 * @throws when `MONGODB_URL` is set and does not answer, so that no run is taken for one on MongoDB that was none
 */
export async function startMongoServer(): Promise<MongoTestServer> {
  const address = process.env['MONGODB_URL'];
  return address === undefined || address === '' ? await ownServer() : await realServer(address);
}
