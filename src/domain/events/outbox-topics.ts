import type { SealedPart } from './sealed-part.js';

/** When and from where. */
interface Moment {
  /** ISO 8601 */
  readonly at: string;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

/** When and where something happened to an account, as its notice tells. Ids and plain facts only. */
export interface Occasion extends Moment {
  readonly accountId: string;
}

/** What the people who run the site are told of at ADMIN_EMAIL. A new one is a name here and its words in the mail. */
export type AdminNotice =
  'signing-key-rotated' | 'service-key-created' | 'service-key-revoked' | 'oidc-client-saved' | 'oidc-client-deleted';

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
  /** The account goes soon, since its address was never verified: a new link is due. */
  readonly 'registration-expiring': { readonly accountId: string; readonly endsAt: string };
  /** The sealed part is the mailed token. */
  readonly 'registration-reminded': {
    readonly accountId: string;
    readonly validForSeconds: number;
    /** ISO 8601 */
    readonly endsAt: string;
  };
  /** Somebody asks for a new password. A link is due, within the mail limits, if the address has an account. */
  readonly 'password-reset-wanted': {
    readonly email: string;
    readonly network: string | null;
    readonly ipAddress: string | null;
    readonly userAgent: string | null;
  };
  /** The sealed part is the mailed token. */
  readonly 'password-reset-requested': { readonly accountId: string; readonly validForSeconds: number };
  readonly 'password-changed': Occasion & { readonly reason: 'reset' | 'changed' };
  /** The account wants another address. The sealed part is the token for its current one. */
  readonly 'email-change-requested': Occasion & { readonly newEmail: string; readonly validForSeconds: number };
  /** A link to the new address is due, or word to whom it belongs, within the mail limits. */
  readonly 'new-address-wanted': { readonly accountId: string; readonly requestId: string };
  /** The sealed part is the token for the new address, which is the request's. */
  readonly 'new-address-offered': {
    readonly accountId: string;
    readonly requestId: string;
    readonly validForSeconds: number;
  };
  /** Another account wants the address that this one has. */
  readonly 'address-wanted': Occasion;
  readonly 'email-changed': Occasion;
  /** For the address that the account had until now. */
  readonly 'old-address-left': Occasion & { readonly email: string };
  /** Somebody registered an address that has an account already. */
  readonly 'registered-again': Occasion;
  /** The address was verified, but no password could be taken over. The sealed part is the token to set one. */
  readonly 'password-wanted': { readonly accountId: string; readonly validForSeconds: number };
  readonly 'codes-issued': OfBatch & { readonly isReplacement: boolean };
  readonly 'code-used': OfBatch & { readonly codeId: string; readonly remaining: number; readonly isSignIn: boolean };
  /** One code was invalidated or deleted. */
  readonly 'code-revoked': OfBatch & { readonly codeId: string; readonly remaining: number };
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
  /** For ADMIN_EMAIL: what happened, and to what, in a few words; no secret, but an admin may have typed them. */
  readonly 'admin-notice': Moment & {
    readonly what: AdminNotice;
    readonly about: string;
    /** Null: nobody who had signed in. */
    readonly actorId: string | null;
  };
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
