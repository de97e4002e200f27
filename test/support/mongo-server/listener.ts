import type { Document } from 'bson';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Request, readRequest, splitMessages, writeAnswer } from './wire-messages.ts';

/** A port on loopback that answers MongoDB clients, and that can be cut off and mended. */
export class Listener {
  readonly #answer: (request: Request) => Document;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  constructor(answer: (request: Request) => Document) {
    this.#answer = answer;
  }

  /** Listens on a port, 0 for a free one; the port it is. */
  async listen(port: number): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this.#port;
  }

  /** Drops every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => (this.#server === undefined ? resolve(0) : this.#server.close(resolve)));
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Listens again on the same port. */
  async mend(): Promise<void> {
    if (this.#server === undefined) await this.listen(this.#port);
  }

  #serve(socket: Socket): void {
    let pending: Buffer = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      try {
        const { messages, rest } = splitMessages(pending.length === 0 ? bytes : Buffer.concat([pending, bytes]));
        pending = rest;
        for (const message of messages) this.#handle(socket, message);
      } catch (error) {
        console.error(error);
        socket.destroy();
      }
    });
  }

  #handle(socket: Socket, message: Buffer): void {
    const request = readRequest(message);
    const answer = this.#answer(request);
    if (request.wantsAnswer && socket.writable) socket.write(writeAnswer(request, answer));
  }
}
