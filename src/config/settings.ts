import type { Setting } from './setting.js';
import { accountSettings } from './settings/account-settings.js';
import { cleanupSettings } from './settings/cleanup-settings.js';
import { codeSettings } from './settings/code-settings.js';
import { issuerSettings } from './settings/issuer-settings.js';
import { serverSettings } from './settings/server-settings.js';

/**
 * Every setting there is: `settings.codes.perBatch` describes what `config.codes.perBatch` holds. An entry here is all
 * that a new setting needs; its type, check and row in the README follow.
 */
export const settings = {
  ...serverSettings,
  ...codeSettings,
  ...cleanupSettings,
  ...accountSettings,
  ...issuerSettings,
};

export type Settings = typeof settings;

/** A setting and where its value goes. */
export interface PlacedSetting {
  readonly group: string;
  readonly key: string;
  readonly setting: Setting;
}

/** Every setting in the order of the documentation. */
export const allSettings: readonly PlacedSetting[] = Object.entries(settings).flatMap(([group, members]) =>
  Object.entries<Setting>(members).map(([key, setting]) => ({ group, key, setting })),
);

/** Names of the environment variables that nobody but the configuration may see. */
export const secretNames: readonly string[] = allSettings
  .filter(({ setting }) => setting.isSecret)
  .map(({ setting }) => setting.name);
