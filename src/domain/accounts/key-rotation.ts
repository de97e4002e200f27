import { requireAdmin } from '../access/rules.js';
import type { Origin, Viewer } from '../access/viewer.js';
import type { Keyring } from '../crypto/keyring.js';
import type { Database } from '../database.js';
import { sourceOf } from '../events/event-source.js';
import type { DomainSettings } from '../settings.js';
import type { Reauthentication } from './reauthentication.js';
import { rotateSigningKey, type SigningKeyRotation } from './rotate-signing-key.js';
import { listSigningKeys, type SigningKeyRecord } from './signing-key-rows.js';
import type { SigningKeys } from './signing-keys.js';

export interface RotationWish {
  readonly revokePrevious?: boolean | null | undefined;
  readonly currentPassword?: string | null | undefined;
}

interface Parts {
  readonly settings: {
    readonly accounts: Pick<DomainSettings['accounts'], 'keyRotationTtlSeconds' | 'keyRotationIntervalDays'>;
  };
  readonly keyring: Keyring;
  readonly signingKeys: SigningKeys;
  readonly reauthentication: Reauthentication;
}

/** The signing keys as admins see and change them, and as time does. */
export class KeyRotation {
  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {}

  /** The current one first, then the newest. Admin. */
  async list(viewer: Viewer): Promise<readonly SigningKeyRecord[]> {
    requireAdmin(viewer);
    return await listSigningKeys(this.db);
  }

  /**
   * Makes a new current key. Admin, with step-up.
   * @throws ReauthenticationRequiredError, InvalidCredentialsError, RateLimitedError
   */
  async rotate(viewer: Viewer, origin: Origin, wish: RotationWish): Promise<SigningKeyRecord> {
    const admin = requireAdmin(viewer);
    await this.parts.reauthentication.require(admin, origin, wish.currentPassword);
    const isPreviousRevoked = wish.revokePrevious === true;
    const source = sourceOf(admin, origin);
    return (await this.#rotate({ isPreviousRevoked, occasion: 'by hand', source })) as SigningKeyRecord;
  }

  /** Rotates where the current key is older than KEY_ROTATION_INTERVAL_DAYS, once however many processes try. */
  async rotateIfDue(): Promise<SigningKeyRecord | undefined> {
    const ifOlderThanDays = this.parts.settings.accounts.keyRotationIntervalDays;
    return await this.#rotate({ isPreviousRevoked: false, ifOlderThanDays, occasion: 'as scheduled', source: {} });
  }

  async #rotate(rotation: Omit<SigningKeyRotation, 'ttlSeconds'>): Promise<SigningKeyRecord | undefined> {
    const { settings, keyring, signingKeys } = this.parts;
    const ttlSeconds = settings.accounts.keyRotationTtlSeconds;
    const record = await rotateSigningKey(this.db, keyring, { ...rotation, ttlSeconds });
    signingKeys.forget();
    return record;
  }
}
