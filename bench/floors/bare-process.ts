import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BareServerOrder } from './bare-server.ts';

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/** Starts the bare servers, in one process on loopback. */
export async function startBareServer(order: BareServerOrder): Promise<RunningServer> {
  const child = fork(new URL('bare-server.ts', import.meta.url), { serialization: 'advanced' });
  child.send(order);
  const ended = once(child, 'exit');
  const answer = await Promise.race([once(child, 'message'), ended.then(() => [undefined])]);
  const url: unknown = answer[0];
  if (typeof url !== 'string') throw new Error('The bare server did not start.');
  return {
    url,
    pid: child.pid as number,
    close: async () => {
      child.disconnect();
      await ended;
    },
  };
}
