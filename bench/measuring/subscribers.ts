import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

export interface SubscribersOrder {
  readonly url: string;
  readonly token?: string;
  readonly query: string;
  readonly sockets: number;
  /** As many of them over each socket. */
  readonly subscribers: number;
}

/** What came of one publication. */
export interface Arrival {
  /** From its beginning until the last subscriber had it. */
  readonly ms: number;
  /** What one of them had. */
  readonly message: any;
}

/** Many subscribers to one server, in a process of their own. */
export interface Subscribers {
  arrivalOf(publish: () => Promise<void> | void): Promise<Arrival>;
  close(): Promise<void>;
}

/** Subscriptions are not acknowledged: the last of them may take this long to be in effect. */
const IN_EFFECT_AFTER_MS = 1_000;
const ARRIVES_WITHIN_MS = 60_000;

export async function openSubscribers(order: SubscribersOrder): Promise<Subscribers> {
  const child = fork(new URL('subscriber-process.ts', import.meta.url), { serialization: 'advanced' });
  const ended = once(child, 'exit');
  const close = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  try {
    child.send(order);
    await told(child, ended);
    await delay(IN_EFFECT_AFTER_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    async arrivalOf(publish) {
      child.send({ expect: order.subscribers });
      await told(child, ended);
      const last = told(child, ended);
      const startedAt = process.hrtime.bigint();
      await publish();
      const { lastAt, first } = await last;
      return { ms: Number(lastAt - startedAt) / 1e6, message: JSON.parse(first).payload };
    },
    close,
  };
}

async function told(child: ChildProcess, ended: Promise<unknown>): Promise<any> {
  const late = AbortSignal.timeout(ARRIVES_WITHIN_MS);
  const [message] = await Promise.race([
    once(child, 'message', { signal: late }),
    ended.then(() => Promise.reject(new Error('The subscribers are gone.'))),
  ]);
  return message;
}

/** Where a server takes subscriptions. */
export function socketUrl({ url }: { readonly url: string }): string {
  return `${url.replace(/^http/, 'ws')}/graphql`;
}
