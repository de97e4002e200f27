import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { MailMessage, SMTPPoolOptions, SMTPPoolSentMessageInfo, Transporter } from 'nodemailer';

type PooledTransporter = Transporter<SMTPPoolSentMessageInfo, SMTPPoolOptions>;

/** What the library's pool knows of its connections. It keeps the list to itself, so nothing here is taken for granted. */
interface Pool {
  readonly _connections?: readonly {
    readonly queueEntry?: { readonly mail: unknown } | false;
    readonly connection?: { readonly _socket?: Socket | false | null };
  }[];
}

/**
 * Watches the mails of a transporter. What it returns tells of a mail, by the signal that it was sent with, whether all of
 * it was handed to the operating system, the final dot included: from then on the server may have accepted it, whatever
 * we hear. False where that is not certain.
 */
export function watchFinalDots(transporter: PooledTransporter): (signal: AbortSignal) => boolean {
  const out = new WeakSet<AbortSignal>();
  transporter.use('stream', (mail, done) => {
    const { signal } = mail.data;
    // Run anew for each connection that the mail is tried on.
    mail.message.processFunc((content) => {
      const socket = socketOf(transporter, mail);
      if (socket && signal) whenAllIsOut(socket, content, () => out.add(signal));
      return content;
    });
    done();
  });
  return (signal) => out.has(signal);
}

function socketOf(transporter: PooledTransporter, mail: MailMessage<SMTPPoolSentMessageInfo>): Socket | undefined {
  const { _connections: connections = [] } = transporter.transporter as Pool;
  const own = connections.find(({ queueEntry }) => queueEntry !== false && queueEntry?.mail === mail);
  return own?.connection?._socket || undefined;
}

/**
 * Tells once, if all of it leaves, that the message piped to the socket next has left this process.
 *
 * @param content what the library pipes to a stream of its own, which adds the dot and is what it pipes to the socket
 */
export function whenAllIsOut(socket: Socket, content: Readable, tell: () => void): void {
  const onPiped = (withDot: Readable) => {
    // A stream that has ended has given all to the socket, which may hold it still, or be closed already: one more write,
    // of nothing, goes well only after all before it.
    withDot.once('end', () => socket.write('', (error) => void (error ?? tell())));
  };
  socket.once('pipe', onPiped);
  content.once('close', () => socket.off('pipe', onPiped));
}
