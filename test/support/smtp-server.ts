import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface Received {
  raw: Buffer;
  from: string;
  to: string[];
}

/** A real SMTP server on a free port that keeps what it gets. */
export async function openSmtpServer(options: SMTPServerOptions = {}) {
  const received: Received[] = [];
  const counts = { connections: 0, messages: 0 };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    closeTimeout: 100,
    onConnect(_session, callback) {
      counts.connections += 1;
      callback();
    },
    onData(stream, session, callback) {
      counts.messages += 1;
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const to = rcptTo.map(({ address }) => address);
        received.push({ raw: Buffer.concat(chunks), from: mailFrom === false ? '' : mailFrom.address, to });
        callback();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { received, counts, port, url: `smtp://127.0.0.1:${port}`, close };
}
