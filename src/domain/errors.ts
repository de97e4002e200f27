/** Every value that `extensions.code` can take. */
export const ERROR_CODES = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'RATE_LIMITED',
  'COPY_UNAVAILABLE',
  'ALREADY_EXPORTED',
  'ALREADY_EMAILED',
  'MAIL_DISABLED',
  'INVALID_CREDENTIALS',
  'INVALID_TOKEN',
  'SESSION_EXPIRED',
  'REFRESH_TOKEN_REUSED',
  'REAUTHENTICATION_REQUIRED',
  'CONFIRMATION_REQUIRED',
  'JOBS_UNAVAILABLE',
  'UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A refusal that the caller may read: its message and `extensions` are public and hold nothing that was typed. */
export abstract class DomainError extends Error {
  abstract readonly code: ErrorCode;
  /** What clients get beside the code. */
  get extensions(): Readonly<Record<string, unknown>> {
    return {};
  }
}

export class UnauthenticatedError extends DomainError {
  readonly code = 'UNAUTHENTICATED';
  constructor() {
    super('Sign in first, or refresh the session: this needs a valid access token.');
  }
}

export class ForbiddenError extends DomainError {
  readonly code = 'FORBIDDEN';
}

/** `path` names the argument at fault, such as `input.expiresInDays`. */
export class BadUserInputError extends DomainError {
  readonly code = 'BAD_USER_INPUT';
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
  override get extensions() {
    return { argument: this.path };
  }
}

export class NotFoundError extends DomainError {
  readonly code = 'NOT_FOUND';
  constructor(what: string) {
    super(`There is no such ${what}, or it is not yours.`);
  }
}

/** `path` names the argument that stands in the way, where it is one. */
export class ConflictError extends DomainError {
  readonly code = 'CONFLICT';
  constructor(
    message: string,
    readonly path?: string,
  ) {
    super(message);
  }
  override get extensions() {
    return this.path === undefined ? {} : { argument: this.path };
  }
}

/** Asked for something that cannot be undone, without saying that it is meant. */
export class ConfirmationRequiredError extends DomainError {
  readonly code = 'CONFIRMATION_REQUIRED';
  constructor() {
    super('This cannot be undone: give confirm: true if you mean it.');
  }
}

/** Schedules and jobs cannot be reached; everything else goes on. */
export class JobsUnavailableError extends DomainError {
  readonly code = 'JOBS_UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('The job store is away at the moment: schedules and jobs have to wait. Try again shortly.', options);
  }
}

/** No copy is left that this session could export or mail. */
export class CopyUnavailableError extends DomainError {
  readonly code = 'COPY_UNAVAILABLE';
  constructor() {
    super('Only the session that issued these codes can take them, and only for a while. Issue new codes to get some.');
  }
}

export class AlreadyExportedError extends DomainError {
  readonly code = 'ALREADY_EXPORTED';
  constructor() {
    super('These codes were exported already: a batch can be exported once. Issue new codes to get some.');
  }
}

export class AlreadyEmailedError extends DomainError {
  readonly code = 'ALREADY_EMAILED';
  constructor() {
    super('These codes were mailed already: a batch can be mailed once. Look into your mailbox.');
  }
}

export class MailDisabledError extends DomainError {
  readonly code = 'MAIL_DISABLED';
}

/** The mail was not taken; nothing was used up. */
export class MailNotSentError extends DomainError {
  readonly code = 'UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('The mail could not be sent at the moment. Nothing was used up: try again, or export the codes.', options);
  }
}

/** Refused until `retryAt`; what is told here is what is enforced. */
export class RateLimitedError extends DomainError {
  readonly code = 'RATE_LIMITED';
  constructor(
    readonly retryAt: Date,
    readonly retryAfterSeconds: number,
  ) {
    super(`Too many attempts. Try again in ${retryAfterSeconds} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}.`);
  }
  override get extensions() {
    return { retryAt: this.retryAt.toISOString(), retryAfterSeconds: this.retryAfterSeconds };
  }
}

/** The same for an unknown address, a wrong password, a wrong code and an unverified account. */
export class InvalidCredentialsError extends DomainError {
  readonly code = 'INVALID_CREDENTIALS';
  constructor() {
    super('The e-mail address and what was given with it do not match.');
  }
}

/** The same for an unknown, used, expired or foreign token. */
export class InvalidTokenError extends DomainError {
  readonly code = 'INVALID_TOKEN';
  constructor() {
    super('This token is not valid, or no longer. Ask for a new one.');
  }
}

export class SessionExpiredError extends DomainError {
  readonly code = 'SESSION_EXPIRED';
  constructor() {
    super('This session has ended. Sign in again.');
  }
}

export class RefreshTokenReusedError extends DomainError {
  readonly code = 'REFRESH_TOKEN_REUSED';
  constructor() {
    super('This refresh token was used before, so its session has been ended. Sign in again.');
  }
}

export class ReauthenticationRequiredError extends DomainError {
  readonly code = 'REAUTHENTICATION_REQUIRED';
  constructor() {
    super('Sign in again, or give currentPassword.');
  }
}

/** A fault of ours or of the moment; nothing was changed. */
export class UnavailableError extends DomainError {
  readonly code = 'UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('The service is busy or its database is away. Nothing was changed; try again shortly.', options);
  }
}
