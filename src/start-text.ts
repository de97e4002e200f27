import { join, relative } from 'node:path';
import type { Config } from './config/config.js';
import type { FirstAdmin } from './first-admin.js';

interface Started {
  readonly url: string | undefined;
  readonly firstAdmin: FirstAdmin | undefined;
}

/** What the start prints for whoever looks on: where to go, and what to try next. */
export function startText({ server, mail }: Config, { url, firstAdmin }: Started): string {
  const mailDir = shortest(join(server.dataDir, 'mail'));
  const lines = [`${server.siteName} ${url === undefined ? 'works (ROLE=worker).' : 'is ready.'}`, ''];
  if (url !== undefined) {
    lines.push(`  GraphQL     ${url}/graphql`, `  Health      ${url}/healthz  ${url}/readyz`);
    if (mail.smtpUrl === undefined) lines.push(`  Mails       ${mailDir}/*.eml`);
  }
  if (firstAdmin !== undefined) {
    lines.push(`  Admin       ${firstAdmin.email}`);
    if (firstAdmin.drawnPassword !== undefined) {
      lines.push(`  Password    ${firstAdmin.drawnPassword}   (shown this once)`);
    }
  }
  if (url !== undefined && !server.isProduction)
    lines.push('', `Try it:  npm run demo -- ${url} --mail-dir ${mailDir}`);
  return `\n${lines.join('\n')}\n\n`;
}

/** As seen from the working folder, where it is inside of that. */
function shortest(path: string): string {
  const seen = relative('.', path);
  return seen.startsWith('..') ? path : seen;
}
