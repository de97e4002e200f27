// A process of its own: clients of graphql-transport-ws that do as little as clients can, and tell when each has its message.
import WebSocket from 'ws';
import type { SubscribersOrder } from './subscribers.ts';

const NEXT = Buffer.from('"type":"next"');
/** As many sockets wait for their acknowledgement at once as a server may be expected to let an address open. */
const OPENED_AT_ONCE = 10;

let received = 0;
let expected = Number.POSITIVE_INFINITY;
let first: string | undefined;

process.on('message', (told: SubscribersOrder | { expect: number }) => {
  if ('expect' in told) expect(told.expect);
  else void open(told);
});
process.once('disconnect', () => process.exit());

function expect(count: number): void {
  [received, expected, first] = [0, count, undefined];
  process.send?.('ready');
}

async function open(order: SubscribersOrder): Promise<void> {
  const waiting = Array.from({ length: order.sockets }, (_, index) => index).values();
  const openOnes = async () => {
    for (const _index of waiting) await openOne(order);
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openOnes));
  process.send?.('open');
}

async function openOne({ url, token, query, sockets, subscribers }: SubscribersOrder): Promise<void> {
  const socket = new WebSocket(url, ['graphql-transport-ws'], { perMessageDeflate: false, skipUTF8Validation: true });
  const pong = Promise.withResolvers<void>();
  socket.on('message', (data: Buffer) => {
    if (data.includes(NEXT)) return take(data);
    const { type } = JSON.parse(data.toString());
    if (type === 'connection_ack') subscribe(socket, query, subscribers / sockets);
    else if (type === 'pong') pong.resolve();
    else pong.reject(new Error(data.toString()));
  });
  socket.on('close', (code, reason) => pong.reject(new Error(`Closed: ${code} ${reason.toString()}`)));
  socket.on('error', pong.reject);
  socket.on('open', () => {
    const payload = token === undefined ? undefined : { authorization: `Bearer ${token}` };
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
  });
  await pong.promise;
}

function subscribe(socket: WebSocket, query: string, count: number): void {
  for (let id = 1; id <= count; id += 1) {
    socket.send(JSON.stringify({ id: `${id}`, type: 'subscribe', payload: { query } }));
  }
  socket.send(JSON.stringify({ type: 'ping' }));
}

function take(data: Buffer): void {
  received += 1;
  first ??= data.toString();
  if (received === expected) process.send?.({ lastAt: process.hrtime.bigint(), first });
}
