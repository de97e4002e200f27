import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BareServerOrder } from './bare-server.ts';
import type { Publication } from './bare-live-server.ts';

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

export interface BareLiveServer extends RunningServer {
  publish(publication: Publication): void;
}

/** Starts the bare servers, in one process on loopback. */
export async function startBareServer(order: BareServerOrder): Promise<RunningServer> {
  return await start('bare-server.ts', order);
}

/** Starts the bare server of subscriptions. */
export async function startBareLiveServer(): Promise<BareLiveServer> {
  const { send, ...server } = await start('bare-live-server.ts', {});
  return { ...server, publish: send };
}

async function start(file: string, order: object) {
  const child = fork(new URL(file, import.meta.url), { serialization: 'advanced' });
  child.send(order);
  const ended = once(child, 'exit');
  const answer = await Promise.race([once(child, 'message'), ended.then(() => [undefined])]);
  const url: unknown = answer[0];
  if (typeof url !== 'string') throw new Error('The bare server did not start.');
  return {
    url,
    pid: child.pid as number,
    send: (message: object) => void child.send(message),
    close: async () => {
      child.disconnect();
      await ended;
    },
  };
}
