const FAILURES = {
  INVALID_MAIL: { message: 'The mail is malformed and was not sent.', isPermanent: true },
  REFUSED: { message: 'The mail server refused the mail or its recipient for good.', isPermanent: true },
  REFUSED_FOR_NOW: { message: 'The mail server refused the mail for now.', isPermanent: false },
  LOGIN_REFUSED: { message: 'The mail server refused our login or wants one.', isPermanent: false },
  NOT_SECURE: { message: 'No secure connection to the mail server could be made.', isPermanent: false },
  UNREACHABLE: { message: 'The mail server could not be reached or did not answer to the end.', isPermanent: false },
  ANSWER_LOST: {
    message: 'The mail went out as a whole, but no answer came: it may have arrived.',
    isPermanent: false,
  },
  NOT_WRITTEN: { message: 'The mail could not be written to its folder.', isPermanent: false },
} as const;

export type MailFailure = keyof typeof FAILURES;

/**
 * Why a mail was not delivered. The message is one of a few fixed phrases and there is no cause: what a server or a
 * library says may quote the mail, its recipient or the server's password.
 */
export class MailError extends Error {
  override readonly name = 'MailError';
  /** Whether the same mail would be refused again; else it is worth another attempt. */
  readonly isPermanent: boolean;
  /** Whether every byte had gone out, with the final dot, and the server neither accepted nor refused the mail. */
  readonly mayHaveArrived: boolean;

  constructor(
    readonly reason: MailFailure,
    /** The server's three digits, when it gave an answer. */
    readonly responseCode?: number,
  ) {
    super(FAILURES[reason].message);
    this.isPermanent = FAILURES[reason].isPermanent;
    this.mayHaveArrived = reason === 'ANSWER_LOST';
  }
}
