import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** A way to a database that a test can cut. */
export interface DatabaseProxy {
  /** The database's address by way of the proxy. */
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Lets nothing through in either direction, and breaks nothing: as a network that fails. */
  freeze(): void;
  /** Ends what `cut` or `freeze` did; frozen connections stay dead. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a TCP port on loopback that leads to the server of this connection string. */
export async function openDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const accept = (client: Socket) => {
    const upstream = connectTo(databaseUrl);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes: Buffer) => void (isFrozen || to.write(bytes)));
      from.on('error', () => undefined);
      from.on('close', () => (sockets.delete(from), to.destroy()));
    }
  };
  let server = await listen(0, accept);
  const { port } = server.address() as AddressInfo;
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: urlBy(databaseUrl, port),
    cut,
    freeze: () => void (isFrozen = true),
    async restore() {
      isFrozen = false;
      for (const socket of sockets) socket.destroy();
      if (!server.listening) server = await listen(port, accept);
    },
    close: async () => void (server.listening && (await cut())),
  };
}

async function listen(port: number, accept: (client: Socket) => void): Promise<Server> {
  const server = createServer(accept);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}

function connectTo(databaseUrl: string): Socket {
  const url = new URL(databaseUrl);
  const folder = url.searchParams.get('host');
  const port = url.port || '5432';
  return folder?.startsWith('/') === true
    ? connect(join(folder, `.s.PGSQL.${port}`))
    : connect(Number(port), folder ?? url.hostname);
}

function urlBy(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.host = `127.0.0.1:${port}`;
  return url.href;
}
