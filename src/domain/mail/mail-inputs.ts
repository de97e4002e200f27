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

/** What each template needs to know. None of it is a code or a password; a token only inside of `link`. */
export interface MailInputs {
  'verify-email': LinkMail;
  'set-your-password': LinkMail;
  'already-registered': NoticeMail;
  'code-used': CodeUsedMail;
  'signed-in-by-code': CodeUsedMail;
  'codes-issued': CodesIssuedMail;
  'codes-low': CodesLowMail;
  'codes-empty': NoticeMail;
  'locked-out': LockedOutMail;
  'account-unlocked': NoticeMail;
  'batch-deleted': BatchDeletedMail;
  'session-replay': NoticeMail;
  'password-attempts-ceiling': AttemptsCeilingMail;
  'code-attempts-ceiling': AttemptsCeilingMail;
}

export type MailTemplate = keyof MailInputs;

/** A mail without its envelope; both bodies say the same. */
export interface RenderedMail {
  subject: string;
  text: string;
  html: string;
}
