import type { MailInputs } from './mail-inputs.js';

/** One mail as the rules know it: what it is, what it tells, and to whom. */
export type MailOrder = {
  [Template in keyof MailInputs]: {
    readonly template: Template;
    readonly input: Omit<MailInputs[Template], 'siteName'>;
  };
}[keyof MailInputs];

/** Sends mails. At least once: a mail ordered again under the same `key` has the same Message-ID. */
export interface MailPort {
  /** @throws an error with `isPermanent` true where trying again is of no use. */
  send(order: MailOrder, delivery: { readonly to: string; readonly key: string }): Promise<void>;
  /** The address of the page that takes this token. */
  linkWithToken(page: 'verify-email' | 'reset-password', token: string): string;
}
