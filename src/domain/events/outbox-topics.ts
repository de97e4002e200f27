import type { SealedPart } from './sealed-part.js';

/** When and where something happened to an account, as its notice tells. Ids and plain facts only. */
export interface Occasion {
  readonly accountId: string;
  /** ISO 8601 */
  readonly at: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

interface OfBatch extends Occasion {
  readonly batchId: string;
}

/** What is delivered after a commit, by topic: mails, and word to other processes. */
export interface OutboxTopics {
  /** The sealed part is the mailed token. */
  readonly 'email-verification-requested': { readonly accountId: string; readonly validForSeconds: number };
  /** Somebody registered an address. The sealed part is the hash of the password; without one no mail is allowed. */
  readonly 'registration-requested': {
    readonly email: string;
    readonly ipAddress: string | null;
    readonly userAgent: string | null;
  };
  /** A new link is due, within the mail limits, if the address waits for its verification. */
  readonly 'verification-wanted': {
    readonly email: string;
    readonly network: string | null;
    readonly ipAddress: string | null;
    readonly userAgent: string | null;
  };
  /** Somebody registered an address that has an account already. */
  readonly 'registered-again': Occasion;
  /** The address was verified, but no password could be taken over. The sealed part is the token to set one. */
  readonly 'password-wanted': { readonly accountId: string; readonly validForSeconds: number };
  readonly 'codes-issued': OfBatch & { readonly isReplacement: boolean };
  readonly 'code-used': OfBatch & { readonly codeId: string; readonly remaining: number; readonly isSignIn: boolean };
  /** A mail of a batch's codes was accepted; a job is to send it. */
  readonly 'codes-mail-accepted': { readonly accountId: string; readonly batchId: string; readonly mailId: string };
  /** Its codes stop working within 7 days. */
  readonly 'codes-expiring': { readonly accountId: string; readonly batchId: string };
  /** Something else about a batch changed that its owner's pages show. */
  readonly 'batch-changed': { readonly accountId: string; readonly batchId: string };
  readonly 'batch-deleted': OfBatch & { readonly removedCount: number };
  readonly 'locked-out': Occasion & { readonly credential: 'password' | 'code'; readonly waitSeconds: number };
  readonly 'attempts-ceiling-passed': Occasion & {
    readonly credential: 'password' | 'code';
    readonly failures: number;
  };
  readonly 'account-unlocked': Occasion;
  readonly 'refresh-token-reused': Occasion;
  /** Written with the end of a session, so that every process closes what it holds open for it. */
  readonly 'session-ended': { readonly accountId: string; readonly sessionId: string };
  /** A cleanup run has ended. */
  readonly 'purge-reported': { readonly reportId: string };
}

export type OutboxTopic = keyof OutboxTopics;

export type OutboxDraft = {
  [Topic in OutboxTopic]: {
    readonly topic: Topic;
    readonly payload: OutboxTopics[Topic];
    /** At most one message ever under the same key. */
    readonly uniqueKey?: string;
    readonly sealed?: SealedPart;
  };
}[OutboxTopic];
