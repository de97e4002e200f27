import type { SettingProblem } from './problem.js';
import { problem } from './problem.js';
import type { Setting } from './setting.js';
import { allSettings } from './settings.js';

/** Environment variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Gives the text of a file, or throws. */
export type ReadFile = (path: string) => string;

interface Sources {
  /** The text of each setting that has one, by its name. */
  readonly texts: ReadonlyMap<string, string>;
  /** The names of all settings that are present in some way, even an unreadable one. */
  readonly given: ReadonlySet<string>;
  readonly problems: readonly SettingProblem[];
}

/** Finds the text of every setting: in its own variable, or in the file that NAME_FILE names where the setting has that variant. */
export function collectSources(env: Environment, readFile: ReadFile = refuseToRead): Sources {
  const texts = new Map<string, string>();
  const given = new Set<string>();
  const problems: SettingProblem[] = [];
  for (const { setting } of allSettings) {
    const found = findText(setting, env, readFile);
    if (found === undefined) continue;
    given.add(setting.name);
    if (typeof found === 'string') texts.set(setting.name, found);
    else problems.push(found);
  }
  return { texts, given, problems };
}

function findText(setting: Setting, env: Environment, readFile: ReadFile): string | SettingProblem | undefined {
  const text = env[setting.name] || undefined;
  const path = setting.hasFileVariant ? env[`${setting.name}_FILE`] || undefined : undefined;
  if (path === undefined) return text;
  if (text === undefined) return readText(setting, path, readFile);
  return problem(setting.name, {
    id: 'E011',
    message: `Is given twice, as ${setting.name} and by ${setting.name}_FILE.`,
    hint: 'Unset one of the two.',
  });
}

// The path stays untold: it may be the secret itself, put into the wrong variable.
function readText(setting: Setting, path: string, readFile: ReadFile): string | SettingProblem {
  const name = `${setting.name}_FILE`;
  try {
    const text = readFile(path).trim();
    if (text !== '') return text;
  } catch (error) {
    const message = `The file it names cannot be read (${errorCode(error)}).`;
    return problem(name, { id: 'E012', message, hint: 'Check that the path is right and that this user may read it.' });
  }
  return problem(name, {
    id: 'E012',
    message: 'The file it names is empty.',
    hint: `Write the value of ${setting.name} into it.`,
  });
}

/** The system's code of a failure, such as ENOENT: its message may hold a path. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'unknown reason';
}

function refuseToRead(): never {
  throw Object.assign(new Error('No file can be read here.'), { code: 'ENOTSUP' });
}
