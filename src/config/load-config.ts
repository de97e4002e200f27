import { isIP } from 'node:net';
import type { z } from 'zod';
import type { Config, Draft } from './config.js';
import { crossCheck } from './cross-checks.js';
import { hostInUrl, isLoopbackHost } from './network.js';
import type { Complaint, SettingProblem } from './problem.js';
import { problem } from './problem.js';
import { checkProduction, productionReason } from './production.js';
import { allSettings } from './settings.js';
import type { Environment, ReadFile } from './sources.js';
import { collectSources } from './sources.js';

/** A configuration, unless an error forbids it, and everything that is to be said about the settings. */
export interface LoadedConfig {
  readonly config: Config | undefined;
  readonly problems: readonly SettingProblem[];
}

/**
 * Validates all settings together and reports every problem at once, errors first; never throws and reads nothing but its
 * arguments and the working directory, against which DATA_DIR is made absolute. Unknown variables are ignored, an empty one counts as absent. No message holds a value that was given.
 *
 * @param readFile how to read the files of RECOVERY_KEY_FILE and its like; by default none can be read
 */
export function loadConfig(env: Environment, readFile?: ReadFile): LoadedConfig {
  const sources = collectSources(env, readFile);
  const { draft, problems: refused } = parse(sources.texts);
  const reason = productionReason(env['NODE_ENV'], draft);
  const inProduction = reason === undefined ? [] : checkProduction(draft, sources.given, reason);
  const problems = inOrder([...sources.problems, ...refused, ...crossCheck(draft), ...inProduction]);
  const isUsable = problems.every(({ severity }) => severity === 'WARNING');
  return { config: isUsable ? complete(draft, reason !== undefined) : undefined, problems };
}

function parse(texts: ReadonlyMap<string, string>): { draft: Draft; problems: SettingProblem[] } {
  const problems: SettingProblem[] = [];
  const draft: Record<string, Record<string, unknown>> = {};
  for (const { group, key, setting } of allSettings) {
    const result = setting.schema.safeParse(texts.get(setting.name));
    (draft[group] ??= {})[key] = result.data;
    problems.push(...(result.error?.issues ?? []).map((issue) => problem(setting.name, complaintOf(issue))));
  }
  // Built from the very table that Draft is derived from.
  return { draft: draft as unknown as Draft, problems };
}

// Every kind refuses through `refuse`, which puts the rest of its complaint into the parameters of a custom issue.
function complaintOf(issue: z.core.$ZodIssue): Complaint {
  const { message, params } = issue as z.core.$ZodIssueCustom;
  return { ...params, message } as Complaint;
}

function inOrder(problems: readonly SettingProblem[]): readonly SettingProblem[] {
  const names = allSettings.map(({ setting }) => setting.name);
  const place = ({ setting }: SettingProblem): number => names.indexOf(setting.replace(/_FILE$/, ''));
  const weight = ({ severity }: SettingProblem): number => (severity === 'ERROR' ? 0 : 1);
  return problems.toSorted((a, b) => weight(a) - weight(b) || place(a) - place(b) || a.id.localeCompare(b.id));
}

function complete(draft: Draft, isProduction: boolean): Config {
  // Without an error every value is there, so that the draft is whole.
  const values = draft as Config;
  const { host, port } = values.server;
  const listening = port === 0 ? undefined : `http://${hostInUrl(host)}:${port}`;
  const publicUrl = values.server.publicUrl ?? listening;
  return freeze({
    ...values,
    server: { ...values.server, publicUrl, isProduction },
    mail: {
      ...values.mail,
      from: draft.mail.from ?? `no-reply@${mailDomain(publicUrl)}`,
      mode: draft.mail.mode ?? (isProduction ? 'queued' : 'inline'),
    },
  });
}

function mailDomain(publicUrl: string | undefined): string {
  const hostname = publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname;
  const isAddress = isIP(hostname) !== 0 || hostname.startsWith('[');
  return isAddress || isLoopbackHost(hostname) ? 'localhost' : hostname;
}

function freeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    // A buffer's bytes cannot be frozen, and Object.freeze refuses to try.
    if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) freeze(member);
  }
  return Object.freeze(value);
}
