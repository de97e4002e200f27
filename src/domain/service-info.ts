import { codeEntropyBits } from './codes/code-format.js';
import type { DomainSettings, RecoverySignIn } from './settings.js';

/** What a client needs to know before anyone signs in. */
export interface ServiceInfo {
  readonly siteName: string;
  readonly version: string;
  readonly codesPerBatch: number;
  /** Rounded down. */
  readonly codeEntropyBits: number;
  readonly maxExpiryDays: number;
  readonly defaultExportFormat: DomainSettings['export']['format'];
  readonly isRegistrationOpen: boolean;
  readonly recoverySignIn: RecoverySignIn;
  readonly isEmailCopyEnabled: boolean;
  readonly afterSignOutUrl: string;
}

export function serviceInfo(settings: DomainSettings, version: string): ServiceInfo {
  return {
    siteName: settings.server.siteName,
    version,
    codesPerBatch: settings.codes.perBatch,
    codeEntropyBits: Math.floor(codeEntropyBits(settings.codes)),
    maxExpiryDays: settings.codes.maxExpiryDays,
    defaultExportFormat: settings.export.format,
    isRegistrationOpen: settings.accounts.registrationOpen,
    recoverySignIn: settings.accounts.recoverySignIn,
    isEmailCopyEnabled: settings.mail.emailCopyEnabled,
    afterSignOutUrl: settings.accounts.afterSignOutUrl,
  };
}
