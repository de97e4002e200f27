import type { SettingValue } from './setting.js';
import type { Settings } from './settings.js';

type Values = { readonly [G in keyof Settings]: { readonly [K in keyof Settings[G]]: SettingValue<Settings[G][K]> } };

/** What could be parsed so far; a setting that was refused is undefined. */
export type Draft = { readonly [G in keyof Values]: Partial<Values[G]> };

/** What is derived from several settings, over what each gives by itself. */
interface Derived {
  readonly server: {
    /** NODE_ENV is production, or HOST or PUBLIC_URL is not loopback. */
    readonly isProduction: boolean;
    /** An origin without a final slash. Undefined only with PORT 0 and no PUBLIC_URL: then it is known after listening. */
    readonly publicUrl: string | undefined;
  };
  readonly mail: {
    readonly from: string;
    readonly mode: 'queued' | 'inline';
  };
}

type DerivedOf<G> = G extends keyof Derived ? Derived[G] : unknown;

/**
 * Everything that can be set, frozen. The groups and names are those of `settings`; times are in the unit that ends the
 * name. `keys.recoveryKey` may be undefined outside production only, where `ensureRecoveryKey` provides it.
 */
export type Config = {
  readonly [G in keyof Values]: Omit<Values[G], keyof DerivedOf<G>> & DerivedOf<G>;
};
