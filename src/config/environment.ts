import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { LoadedConfig } from './load-config.js';
import { loadConfig } from './load-config.js';
import type { SettingProblem } from './problem.js';
import { problem } from './problem.js';
import type { Environment } from './sources.js';
import { errorCode } from './sources.js';
import { secretNames } from './settings.js';

interface EnvironmentOptions {
  /** The live environment, which loses its secrets. */
  readonly env?: NodeJS.ProcessEnv;
  readonly envFile?: string;
}

/**
 * Loads the configuration of this process from its environment and a `.env` file, in which the environment's own
 * variables win; then takes the secrets out of the environment, so that no child process inherits them. To be called once,
 * before any child starts: a second call would miss them.
 */
export function loadEnvironment({ env = process.env, envFile = '.env' }: EnvironmentOptions = {}): LoadedConfig {
  const { variables, problems } = readEnvFile(envFile);
  const loaded = loadConfig({ ...variables, ...env }, (path) => readFileSync(path, 'utf8'));
  for (const name of secretNames) delete env[name];
  if (problems.length === 0) return loaded;
  return { config: undefined, problems: [...problems, ...loaded.problems] };
}

function readEnvFile(path: string): { variables: Environment; problems: readonly SettingProblem[] } {
  try {
    return { variables: parseEnv(readFileSync(path, 'utf8')), problems: [] };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { variables: {}, problems: [] };
    const hint = 'Let this user read it, or remove it.';
    const found = problem('.env', { id: 'E014', message: `The file cannot be read (${code}).`, hint });
    return { variables: {}, problems: [found] };
  }
}
