import type { Config } from './config/config.js';
import { hasAnyAccount, makeFirstAdmin } from './domain/accounts/admins.js';
import { parseEmail } from './domain/accounts/email.js';
import { newSecretToken } from './domain/crypto/secret-token.js';
import type { Database } from './domain/database.js';
import type { Services } from './domain/services.js';

/** An admin made just now; the password only where it was drawn, to be printed once. */
export interface FirstAdmin {
  readonly email: string;
  readonly drawnPassword: string | undefined;
}

/**
 * Gives an empty database its first admin: with ADMIN_PASSWORD, or outside production with a random one. Undefined
 * where there are accounts already, and in production without ADMIN_PASSWORD (there, `sparekey create-admin`).
 */
export async function ensureFirstAdmin(
  db: Database,
  { passwords }: Services,
  { mail, server }: Config,
): Promise<FirstAdmin | undefined> {
  if (mail.adminPassword === undefined && server.isProduction) return undefined;
  if (await hasAnyAccount(db)) return undefined;
  const email = parseEmail(mail.adminEmail, 'ADMIN_EMAIL');
  const drawnPassword = mail.adminPassword === undefined ? newSecretToken() : undefined;
  const passwordHash = await passwords.hash(mail.adminPassword ?? (drawnPassword as string));
  const isMade = await makeFirstAdmin(db, email, passwordHash);
  return isMade ? { email: email.address, drawnPassword } : undefined;
}
