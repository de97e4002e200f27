import { setTimeout as delay } from 'node:timers/promises';
import { createTransport, type SMTPPoolOptions } from 'nodemailer';
import type { Delivery } from './delivery.js';
import { watchFinalDots } from './final-dot.js';
import { smtpError } from './smtp-error.js';
import { parseSmtpUrl } from './smtp-options.js';

/** How long to wait for a mail server, in milliseconds. */
export interface SmtpTimeouts {
  connection: number;
  greeting: number;
  /** Of silence. */
  socket: number;
  /** For one mail from first to last, whatever the server trickles. */
  send: number;
  /** For mails under way when the transport is closed. */
  close: number;
}

const TIMEOUTS: SmtpTimeouts = { connection: 10_000, greeting: 10_000, socket: 30_000, send: 120_000, close: 3_000 };

/**
 * Delivers by SMTP over a few kept connections. A connection that breaks is used again only for a mail of which no byte
 * has gone out, so one call sends at most one copy.
 *
 * @throws Error for a URL that cannot be used
 */
export function smtpDelivery(smtpUrl: string, given: Partial<SmtpTimeouts> = {}): Delivery {
  const timeouts = { ...TIMEOUTS, ...given };
  const transporter = createTransport(poolOptions(smtpUrl, timeouts));
  const isOut = watchFinalDots(transporter);
  const underWay = new Set<Promise<unknown>>();
  return {
    async deliver(message, { withinMs = timeouts.send }) {
      const signal = AbortSignal.timeout(Math.max(0, Math.floor(Math.min(withinMs, timeouts.send))));
      const sending = transporter.sendMail({ ...message, signal });
      underWay.add(sending);
      try {
        await sending;
      } catch (error) {
        throw smtpError(error, isOut(signal));
      } finally {
        underWay.delete(sending);
      }
    },
    async verify() {
      await transporter.verify().catch((error: unknown) => {
        throw smtpError(error);
      });
    },
    async close() {
      const grace = new AbortController();
      const ended = Promise.allSettled(underWay).finally(() => grace.abort());
      await Promise.race([ended, delay(timeouts.close, undefined, { signal: grace.signal }).catch(() => undefined)]);
      transporter.close({ force: true });
    },
  };
}

function poolOptions(smtpUrl: string, timeouts: SmtpTimeouts): SMTPPoolOptions & { pool: true } {
  return {
    ...parseSmtpUrl(smtpUrl),
    pool: true,
    maxConnections: 3,
    maxRequeues: 1,
    idleTimeout: 60_000,
    connectionTimeout: timeouts.connection,
    greetingTimeout: timeouts.greeting,
    socketTimeout: timeouts.socket,
    dnsTimeout: timeouts.connection,
    socketCloseTimeout: 1_000,
    logger: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
