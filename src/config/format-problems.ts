import type { SettingProblem } from './problem.js';

const ID_WIDTH = 'E000'.length;
const SEVERITY_WIDTH = 'WARNING'.length;
const GAP = '  ';

/** Every problem for a terminal: one aligned line each with id, severity, setting and message, and its hint below. No problem gives ''. */
export function formatProblems(problems: readonly SettingProblem[]): string {
  const settingWidth = Math.max(0, ...problems.map(({ setting }) => setting.length));
  const indent = ' '.repeat(ID_WIDTH + SEVERITY_WIDTH + settingWidth + 3 * GAP.length);
  return problems
    .map(({ id, severity, setting, message, hint }) => {
      const columns = [id.padEnd(ID_WIDTH), severity.padEnd(SEVERITY_WIDTH), setting.padEnd(settingWidth), message];
      return `${columns.join(GAP)}\n${indent}Hint: ${hint}`;
    })
    .join('\n');
}
