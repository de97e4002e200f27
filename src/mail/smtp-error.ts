import type { NodemailerError } from 'nodemailer';
import { MailError, type MailFailure } from './mail-error.js';

/** What the library says without an answer of the server; all else is a connection that failed or broke. */
const WITHOUT_ANSWER: Readonly<Record<string, MailFailure>> = {
  EENVELOPE: 'INVALID_MAIL',
  EMESSAGE: 'INVALID_MAIL',
  ENOAUTH: 'LOGIN_REFUSED',
};

const BY_CODE: Readonly<Record<string, MailFailure>> = {
  EAUTH: 'LOGIN_REFUSED',
  ETLS: 'NOT_SECURE',
  EREQUIRETLS: 'NOT_SECURE',
};

/** How Node names what is wrong with a certificate or a handshake. */
const TLS_FAULT = /CERT|TLS|SSL|UNABLE_TO_/;

/** RFC 4954: answers that mean "log in first", or by other means; they say nothing about the mail. */
const LOGIN_CODES = [530, 534, 535, 538];

/** A 5xx to other commands concerns us or our sender's address: the operator can mend that, so the mail is worth keeping. */
const COMMANDS_ABOUT_THE_MAIL = ['RCPT TO', 'DATA'];

/** From here on an answer says no. */
const FIRST_REFUSAL = 400;

/**
 * The same failure in our terms, without anything that was said.
 *
 * @param isOut whether all of the mail had gone out by then
 */
export function smtpError(error: unknown, isOut = false): MailError {
  const failure = error as NodemailerError;
  if (isOut && !isRefusal(failure)) return new MailError('ANSWER_LOST');
  const reason = BY_CODE[failure.code ?? ''] ?? (failure.responseCode ? answered(failure) : unanswered(failure));
  return new MailError(reason, failure.responseCode);
}

function isRefusal({ responseCode = 0 }: NodemailerError): boolean {
  return responseCode >= FIRST_REFUSAL;
}

function unanswered({ code = '', originalCode = '', response }: NodemailerError): MailFailure {
  // A server that talks nonsense says nothing of the mail.
  if (response !== undefined) return 'UNREACHABLE';
  return WITHOUT_ANSWER[code] ?? (TLS_FAULT.test(originalCode) ? 'NOT_SECURE' : 'UNREACHABLE');
}

function answered({ command = '', permanent, responseCode = 0 }: NodemailerError): MailFailure {
  if (command === 'STARTTLS') return 'NOT_SECURE';
  if (LOGIN_CODES.includes(responseCode)) return 'LOGIN_REFUSED';
  return permanent === true && COMMANDS_ABOUT_THE_MAIL.includes(command) ? 'REFUSED' : 'REFUSED_FOR_NOW';
}
