import type { SendMailOptions } from 'nodemailer';

export interface DeliveryWishes {
  /** For those that write files; it is unique to the mail and safe in any file system. */
  readonly fileName: string;
  /** For those that wait for a server, in milliseconds. */
  readonly withinMs?: number | undefined;
}

/** A way for finished messages to leave. Every refusal is a MailError. */
export interface Delivery {
  deliver(message: SendMailOptions, how: DeliveryWishes): Promise<void>;
  verify(): Promise<void>;
  close(): Promise<void>;
}
