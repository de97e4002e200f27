import type { SendMailOptions } from 'nodemailer';

/** A way for finished messages to leave. Every refusal is a MailError. */
export interface Delivery {
  /** `fileName` is for those that write files; it is unique to the mail and safe in any file system. */
  deliver(message: SendMailOptions, fileName: string): Promise<void>;
  verify(): Promise<void>;
  close(): Promise<void>;
}
