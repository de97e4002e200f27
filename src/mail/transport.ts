import { fileDelivery } from './file-delivery.js';
import { parseSender, toMessage, type MailToSend } from './message.js';
import { smtpDelivery, type SmtpTimeouts } from './smtp-delivery.js';

export interface MailTransportOptions {
  /** `smtp://` or `smtps://`; absent, each mail becomes a file in `filesDir`. */
  smtpUrl?: string | undefined;
  /** `Name <address>`, or an address that then goes by the site's name. */
  from: string;
  filesDir: string;
  siteName: string;
  smtpTimeouts?: Partial<SmtpTimeouts>;
}

export interface SendLimits {
  /** At most as long as the transport's own limit, in milliseconds; a file is written at once. */
  readonly withinMs?: number | undefined;
}

export interface MailTransport {
  /**
   * Resolves once the mail is accepted (SMTP) or written (files).
   *
   * @throws MailError, whose `isPermanent` tells whether another attempt is worth it, and `mayHaveArrived` whether that
   *   could be a second copy
   */
  send(mail: MailToSend, limits?: SendLimits): Promise<void>;
  /**
   * Connects and logs in, or makes the folder; sends nothing.
   *
   * @throws MailError
   */
  verify(): Promise<void>;
  /** Gives mails under way a few seconds, then cuts them off. */
  close(): Promise<void>;
}

/**
 * The one way out for mails: SMTP, or .eml files named `<time>-<template>-<id>.eml`, which sort by time.
 *
 * @throws Error for an SMTP URL or sender that cannot be used, without quoting it
 */
export function createMailTransport(options: MailTransportOptions): MailTransport {
  const sender = parseSender(options.from, options.siteName);
  const delivery =
    options.smtpUrl === undefined
      ? fileDelivery(options.filesDir)
      : smtpDelivery(options.smtpUrl, options.smtpTimeouts);
  return {
    send: async (mail, { withinMs } = {}) =>
      delivery.deliver(toMessage(mail, sender), { fileName: fileNameOf(mail), withinMs }),
    verify: () => delivery.verify(),
    close: () => delivery.close(),
  };
}

function fileNameOf({ template, messageId }: MailToSend): string {
  const time = new Date().toISOString().replaceAll(':', '-');
  const id = messageId.slice(1, messageId.lastIndexOf('@'));
  return `${[time, template ?? 'mail', id].map(fileNamePart).join('-')}.eml`;
}

const fileNamePart = (text: string): string => text.replaceAll(/[^\w.-]+/g, '_').slice(0, 64);
