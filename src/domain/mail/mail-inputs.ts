import type { AdminNotice } from '../events/outbox-topics.js';
import type { ReportLine, ReportStatus, ReportTrigger } from '../cleanup/report.js';

/** An instant: a Date, or an ISO 8601 string where the input travelled as JSON. */
export type MailTime = Date | string;

/** When and from where something happened. */
export interface MailOrigin {
  at: MailTime;
  /** The network address; null where it is not known or not the reader's business. */
  address: string | null;
  /** A recognised browser and system, such as "Firefox on Linux"; never a raw user agent. */
  client: string | null;
}

interface Site {
  siteName: string;
}

/** A mail whose link holds a token. */
export interface LinkMail extends Site {
  link: string;
  validForSeconds: number;
}

/** Asks the current address whether the account may leave it. */
export interface EmailChangeMail extends LinkMail, NoticeMail {
  newEmail: string;
}

export interface PasswordChangedMail extends NoticeMail {
  by: 'RESET' | 'CHANGE';
}

/** Nobody did anything: an address was registered and not confirmed. */
export interface RegistrationExpiringMail extends LinkMail {
  endsAt: MailTime;
}

/** One of an owner's codes, in plain text, and where it stands on the print-out. */
export interface MailedCode {
  position: number;
  code: string;
}

/** The one mail that carries codes, to the owner who asked for it. */
export interface RecoveryCodesMail extends Site {
  /** The address that the account goes by. */
  account: string;
  batchNumber: number;
  issuedAt: MailTime;
  /** Null when the codes never expire. */
  expiresAt: MailTime | null;
  codes: readonly MailedCode[];
}

/** Nobody did anything: time passes. */
export interface CodesExpiringMail extends Site {
  batchNumber: number;
  remaining: number;
  expiresAt: MailTime;
}

/** A mail that tells of something that has happened. */
export interface NoticeMail extends Site {
  origin: MailOrigin;
}

export interface CodeUsedMail extends NoticeMail {
  /** How many codes would still be accepted. */
  remaining: number;
  /** Where the code stands on the owner's print-out. */
  code?: { batchNumber: number; position: number };
}

export interface CodesIssuedMail extends NoticeMail {
  batchNumber: number;
  count: number;
  /** Null when the codes never expire. */
  expiresAt: MailTime | null;
  /** Whether an earlier batch has stopped working. */
  isReplacement: boolean;
}

export interface CodesLowMail extends NoticeMail {
  remaining: number;
}

export interface LockedOutMail extends NoticeMail {
  credential: 'PASSWORD' | 'RECOVERY_CODE';
  waitSeconds: number;
}

export interface BatchDeletedMail extends NoticeMail {
  batchNumber: number;
  /** How many usable codes went with it. */
  removed: number;
  by: 'OWNER' | 'ADMIN';
}

export interface AttemptsCeilingMail extends NoticeMail {
  /** Failures in a row, from all addresses together. */
  failures: number;
}

/** Tells the people who run the site what an admin, the command line or the server itself did. */
export interface AdminNoticeMail extends NoticeMail {
  what: AdminNotice;
  /** In a few words that an admin may have typed. */
  about: string;
  /** The admin; null where nobody had signed in. */
  by: string | null;
}

/** Tells an admin what one run of a cleanup did. */
export interface PurgeReportMail extends Site {
  adminName: string;
  reportId: string;
  /** The task's name, such as AUDIT_EVENTS. */
  task: string;
  trigger: ReportTrigger;
  /** Null where no schedule asked for the run. */
  scheduleName: string | null;
  status: Exclude<ReportStatus, 'QUEUED' | 'RUNNING'>;
  isDryRun: boolean;
  startedAt: MailTime;
  finishedAt: MailTime;
  /** Null where the task goes by none. */
  retentionDays: number | null;
  /** Null: unlimited. */
  maxDeletions: number | null;
  isCapped: boolean;
  /** How many, by kind of row, in the order in which they are told. */
  counts: Readonly<Record<string, number>>;
  total: number;
  /** A fixed phrase. */
  error: string | null;
  /** Null for a task that touches no batches. */
  batches: PurgedBatches | null;
}

/** The batches that a run touched. */
export interface PurgedBatches {
  count: number;
  /** As many as one mail tells. */
  first: readonly Omit<ReportLine, 'accountId'>[];
}

/**
 * What each template needs to know. None of it is a code or a password, save the codes that `recovery-codes` is there to
 * carry; a token only inside of `link`.
 */
export interface MailInputs {
  'verify-email': LinkMail;
  'set-your-password': LinkMail;
  'already-registered': NoticeMail;
  'registration-expiring': RegistrationExpiringMail;
  'reset-password': LinkMail;
  'password-changed': PasswordChangedMail;
  'confirm-email-change': EmailChangeMail;
  'confirm-new-address': LinkMail;
  'address-wanted': NoticeMail;
  'email-changed': NoticeMail;
  'old-address-left': NoticeMail;
  'recovery-codes': RecoveryCodesMail;
  'code-used': CodeUsedMail;
  'signed-in-by-code': CodeUsedMail;
  'codes-issued': CodesIssuedMail;
  'codes-low': CodesLowMail;
  'codes-empty': NoticeMail;
  'codes-expiring': CodesExpiringMail;
  'locked-out': LockedOutMail;
  'account-unlocked': NoticeMail;
  'batch-deleted': BatchDeletedMail;
  'session-replay': NoticeMail;
  'password-attempts-ceiling': AttemptsCeilingMail;
  'code-attempts-ceiling': AttemptsCeilingMail;
  'purge-report': PurgeReportMail;
  'admin-notice': AdminNoticeMail;
}

export type MailTemplate = keyof MailInputs;

/** A mail without its envelope; both bodies say the same. */
export interface RenderedMail {
  subject: string;
  text: string;
  html: string;
}
