import { connect, type Socket } from 'node:net';

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

export interface WireRequest {
  readonly path: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** A POST of JSON as the bytes to send, made once for as often as it is sent. */
export function wireRequest({ path, body, headers = {} }: WireRequest): Buffer {
  const json = JSON.stringify(body);
  const lines = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(json)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${json}`);
}

/**
 * One kept-alive HTTP/1.1 connection, one request at a time. Node's own client costs about as much as the server that it
 * asks, and would hide what a server costs on a machine with two cores.
 */
export class Wire {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #settle: { resolve(answer: WireAnswer): void; reject(error: Error): void } | undefined;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#settle?.reject(error));
    this.#socket.on('close', () => this.#settle?.reject(new Error('The server closed the connection.')));
  }

  async send(request: Buffer): Promise<WireAnswer> {
    return await new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const bodyStart = headEnd + HEAD_END.length;
    const bodyEnd = bodyStart + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(bodyEnd)) throw new Error('The bench reads only answers with a length.');
    if (this.#received.length < bodyEnd) return;
    const answer = { status: Number(head.slice(9, 12)), body: this.#received.toString('utf8', bodyStart, bodyEnd) };
    this.#received = Buffer.alloc(0);
    this.#settle?.resolve(answer);
  }
}

/** Sends every request over so many connections; returns how many were answered in a second. @throws for any that failed */
export async function answersPerSecond(url: string, connections: number, requests: Iterable<Buffer>): Promise<number> {
  const wires = Array.from({ length: connections }, () => new Wire(url));
  const queue = requests[Symbol.iterator]();
  let answered = 0;
  const startedAt = performance.now();
  await Promise.all(
    wires.map(async (wire) => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const { status, body } = await wire.send(next.value);
        if (status !== 200 || body.includes('"errors"')) throw new Error(`Answered ${status}: ${body.slice(0, 500)}`);
        answered += 1;
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  for (const wire of wires) wire.close();
  return answered / seconds;
}

/** The same request again and again, until the time is up. */
export function* forSeconds(seconds: number, request: Buffer): Generator<Buffer> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) yield request;
}
