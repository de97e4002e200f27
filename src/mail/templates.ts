import type { MailInputs, MailTemplate, RenderedMail } from '../domain/mail/mail-inputs.js';
import { adminNotice } from './templates/admin-notice.js';
import { accountUnlocked } from './templates/account-unlocked.js';
import { addressWanted } from './templates/address-wanted.js';
import { alreadyRegistered } from './templates/already-registered.js';
import { codeAttemptsCeiling, passwordAttemptsCeiling } from './templates/attempts-ceiling.js';
import { batchDeleted } from './templates/batch-deleted.js';
import { codeUsed, signedInByCode } from './templates/code-used.js';
import { codesIssued } from './templates/codes-issued.js';
import { codesExpiring } from './templates/codes-expiring.js';
import { codesEmpty, codesLow } from './templates/codes-low.js';
import { confirmEmailChange, confirmNewAddress } from './templates/confirm-email-change.js';
import { emailChanged, oldAddressLeft } from './templates/email-changed.js';
import { lockedOut } from './templates/locked-out.js';
import { passwordChanged } from './templates/password-changed.js';
import { purgeReport } from './templates/purge-report.js';
import { recoveryCodes } from './templates/recovery-codes.js';
import { registrationExpiring } from './templates/registration-expiring.js';
import { resetPassword } from './templates/reset-password.js';
import { sessionReplay } from './templates/session-replay.js';
import { setYourPassword } from './templates/set-your-password.js';
import { verifyEmail } from './templates/verify-email.js';

/** Every mail there is, by name; each a pure function of its input. */
export const templates: { readonly [Name in MailTemplate]: (input: MailInputs[Name]) => RenderedMail } = {
  'verify-email': verifyEmail,
  'set-your-password': setYourPassword,
  'already-registered': alreadyRegistered,
  'registration-expiring': registrationExpiring,
  'reset-password': resetPassword,
  'password-changed': passwordChanged,
  'confirm-email-change': confirmEmailChange,
  'confirm-new-address': confirmNewAddress,
  'address-wanted': addressWanted,
  'email-changed': emailChanged,
  'old-address-left': oldAddressLeft,
  'recovery-codes': recoveryCodes,
  'code-used': codeUsed,
  'signed-in-by-code': signedInByCode,
  'codes-issued': codesIssued,
  'codes-low': codesLow,
  'codes-empty': codesEmpty,
  'codes-expiring': codesExpiring,
  'locked-out': lockedOut,
  'account-unlocked': accountUnlocked,
  'batch-deleted': batchDeleted,
  'session-replay': sessionReplay,
  'password-attempts-ceiling': passwordAttemptsCeiling,
  'code-attempts-ceiling': codeAttemptsCeiling,
  'purge-report': purgeReport,
  'admin-notice': adminNotice,
};

/**
 * Renders a mail: subject, text and HTML that say the same.
 *
 * @throws TypeError for a link that is not http or https; RangeError for a time that is none
 */
export function renderMail<Name extends MailTemplate>(template: Name, input: MailInputs[Name]): RenderedMail {
  return templates[template](input);
}
