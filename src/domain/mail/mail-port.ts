import type { MailInputs } from './mail-inputs.js';

/** One mail as the rules know it: what it is, what it tells, and to whom. */
export type MailOrder = {
  [Template in keyof MailInputs]: {
    readonly template: Template;
    readonly input: Omit<MailInputs[Template], 'siteName'>;
  };
}[keyof MailInputs];

/** Why a mail was not sent. Its message is a fixed phrase, without anything that a mail server said. */
export interface MailRefusal extends Error {
  /** Trying again is of no use. */
  readonly isPermanent: boolean;
  /** All of the mail had gone out and no answer came: whoever tries again may send a second copy. */
  readonly mayHaveArrived: boolean;
}

export function isMailRefusal(error: unknown): error is MailRefusal {
  if (!(error instanceof Error && 'isPermanent' in error && 'mayHaveArrived' in error)) return false;
  return typeof error.isPermanent === 'boolean' && typeof error.mayHaveArrived === 'boolean';
}

/** One attempt at a mail. */
export interface MailDelivery {
  readonly to: string;
  /** The same for every attempt at one mail. */
  readonly key: string;
  /** Ends the attempt, in milliseconds, where it would not have ended before. */
  readonly withinMs?: number | undefined;
}

/** Sends mails. At least once: a mail ordered again under the same `key` has the same Message-ID. */
export interface MailPort {
  /** @throws MailRefusal where the mail was not taken */
  send(order: MailOrder, delivery: MailDelivery): Promise<void>;
  /** The subject that the mail of this order has. */
  subjectOf(order: MailOrder): string;
  /** The address of the page that takes this token. */
  linkWithToken(page: 'verify-email' | 'reset-password' | 'confirm-email-change', token: string): string;
}
