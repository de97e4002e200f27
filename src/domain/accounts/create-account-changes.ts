import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import type { Limiter } from '../limits/limiter.js';
import type { DomainSettings } from '../settings.js';
import { AccountDeletion } from './account-deletion.js';
import { EmailChange } from './email-change.js';
import { PasswordChange } from './password-change.js';
import type { PasswordHasher } from './password-hasher.js';
import { PasswordReset } from './password-reset.js';
import { PendingEmailChanges } from './pending-email-changes.js';
import { PendingPasswordResets } from './pending-password-resets.js';
import { PendingRegistrations } from './pending-registrations.js';
import type { Reauthentication } from './reauthentication.js';
import { Registration } from './registration.js';
import type { SessionCache } from './session-cache.js';

/** How accounts come, change their passwords and addresses, and go. */
export interface AccountChanges {
  readonly registration: Registration;
  readonly pendingRegistrations: PendingRegistrations;
  readonly passwordReset: PasswordReset;
  readonly pendingPasswordResets: PendingPasswordResets;
  readonly passwordChange: PasswordChange;
  readonly emailChange: EmailChange;
  readonly pendingEmailChanges: PendingEmailChanges;
  readonly accountDeletion: AccountDeletion;
}

export interface AccountChangeParts {
  readonly settings: DomainSettings;
  readonly keyring: Keyring;
  readonly limiter: Limiter;
  readonly passwords: PasswordHasher;
  readonly reauthentication: Reauthentication;
  readonly sessions: SessionCache;
}

export function createAccountChanges(db: Database, parts: AccountChangeParts): AccountChanges {
  const { settings, keyring, limiter } = parts;
  const { emailVerificationTtlSeconds, passwordResetTtlSeconds, emailChangeTtlSeconds } = settings.accounts;
  return {
    registration: new Registration(db, parts),
    pendingRegistrations: new PendingRegistrations(db, { keyring, limiter, emailVerificationTtlSeconds }),
    passwordReset: new PasswordReset(db, parts),
    pendingPasswordResets: new PendingPasswordResets(db, { keyring, limiter, passwordResetTtlSeconds }),
    passwordChange: new PasswordChange(db, parts),
    emailChange: new EmailChange(db, { ...parts, emailChangeTtlSeconds }),
    pendingEmailChanges: new PendingEmailChanges(db, { keyring, limiter }),
    accountDeletion: new AccountDeletion(db, parts),
  };
}
