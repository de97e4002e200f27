import { sql } from 'kysely';
import { requireAdmin } from './access/rules.js';
import type { Viewer } from './access/viewer.js';
import { keysInUse, type KeyUse } from './crypto/key-use.js';
import type { Keyring } from './crypto/keyring.js';
import type { Database } from './database.js';

/** One finding about one setting. Errors stop the start, warnings do not; neither holds the value that was given. */
export interface SettingProblem {
  readonly id: string;
  readonly setting: string;
  readonly severity: 'ERROR' | 'WARNING';
  readonly message: string;
  readonly hint: string;
}

/** What was found of the settings when they were read. */
export interface SettingsFound {
  readonly problems: readonly SettingProblem[];
  readonly isProduction: boolean;
}

/** What the database shows of the settings now. */
export interface DatabaseFindings {
  readonly keys: readonly KeyUse[];
  readonly problems: readonly DatabaseProblem[];
}

interface DatabaseProblem extends SettingProblem {
  readonly id: 'E028' | 'E029' | 'W007';
}

/** Holds the settings against the database: the keys that it needs, and a clock that nobody shifted. */
export async function checkDatabase(
  db: Database,
  keyring: Keyring,
  { isProduction }: Pick<SettingsFound, 'isProduction'>,
): Promise<DatabaseFindings> {
  const keys = await keysInUse(db, keyring);
  const missing = keys.filter((use) => !use.isKnown).map(missingKey);
  return { keys, problems: (await isClockShifted(db)) ? [...missing, shiftedClock(isProduction)] : missing };
}

/** The problems of the settings, as `sparekey check` lists them. */
export class SettingsCheck {
  constructor(
    private readonly db: Database,
    private readonly keyring: Keyring,
    private readonly found: SettingsFound = { problems: [], isProduction: false },
  ) {}

  /** Admin. */
  async problems(viewer: Viewer): Promise<readonly SettingProblem[]> {
    requireAdmin(viewer);
    const { problems } = await checkDatabase(this.db, this.keyring, this.found);
    return [...this.found.problems, ...problems];
  }
}

/** Whether somebody shifted the rules' clock, which is for tests. */
export async function isClockShifted(db: Database): Promise<boolean> {
  const { rows } = await sql<{ offset: string | null }>`
    select current_setting('sparekey.clock_offset_seconds', true) as offset
  `.execute(db);
  return ![null, undefined, '', '0'].includes(rows[0]?.offset);
}

function missingKey({ keyId, activeBatches, signingKeys }: KeyUse): DatabaseProblem {
  return {
    id: 'E028',
    setting: 'RECOVERY_KEY_PREVIOUS',
    severity: 'ERROR',
    message: `Lacks the key with id ${keyId}, still needed by ${activeBatches} active batch(es) and ${signingKeys} signing key(s).`,
    hint: 'Add the key that they were made under; it may go once none is left.',
  };
}

function shiftedClock(isProduction: boolean): DatabaseProblem {
  const hint = 'Take it out of the URL, or reset it (ALTER ROLE or DATABASE … RESET).';
  return isProduction
    ? { ...CLOCK, id: 'E029', severity: 'ERROR', hint }
    : { ...CLOCK, id: 'W007', severity: 'WARNING', hint };
}

const CLOCK = {
  setting: 'DATABASE_URL',
  message: 'The database sets sparekey.clock_offset_seconds, which is for tests only.',
};
