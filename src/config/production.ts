import type { Draft } from './config.js';
import { isLoopbackHost, isPrivateHost } from './network.js';
import type { SettingProblem } from './problem.js';
import { problem } from './problem.js';

const REQUIRED = ['PUBLIC_URL', 'DATABASE_URL', 'RECOVERY_KEY', 'SMTP_URL'];

/** Why this counts as production, in words that follow "because"; undefined where it does not. */
export function productionReason(nodeEnv: string | undefined, { server }: Draft): string | undefined {
  if (nodeEnv === 'production') return 'NODE_ENV is production';
  if (server.host !== undefined && !isLoopbackHost(server.host)) return 'HOST is not a loopback address';
  if (server.publicUrl !== undefined && !isLoopbackHost(new URL(server.publicUrl).hostname)) {
    return 'PUBLIC_URL is not on a loopback address';
  }
  return undefined;
}

/** What production requires and warns of. `given` holds the names of the settings that are present, valid or not. */
export function checkProduction(draft: Draft, given: ReadonlySet<string>, reason: string): readonly SettingProblem[] {
  const missing = REQUIRED.filter((name) => !given.has(name)).map((name) => missingProblem(name, reason));
  const others = [
    checkPublicUrl(draft),
    checkSmtp(draft),
    checkRecoverySignIn(draft),
    checkEmailCopy(draft),
    checkLoopback(draft),
  ];
  return [...missing, ...others.filter((found) => found !== undefined)];
}

function missingProblem(name: string, reason: string): SettingProblem {
  return problem(name, {
    id: 'E013',
    message: `Is required in production, which this is because ${reason}.`,
    hint: 'Set it, or for a trial on this machine only leave NODE_ENV, HOST and PUBLIC_URL unset.',
  });
}

function checkPublicUrl({ server }: Draft): SettingProblem | undefined {
  const url = server.publicUrl === undefined ? undefined : new URL(server.publicUrl);
  if (url === undefined || url.protocol === 'https:' || isLoopbackHost(url.hostname)) return undefined;
  return problem('PUBLIC_URL', {
    id: 'W006',
    message: 'Is not https, so codes, passwords and tokens cross the network in the clear.',
    hint: 'Put a proxy with TLS in front and give its https URL.',
  });
}

function checkSmtp({ mail }: Draft): SettingProblem | undefined {
  const url = mail.smtpUrl === undefined ? undefined : new URL(mail.smtpUrl);
  if (url === undefined || requiresTls(url)) return undefined;
  const hint = 'Use smtps://, or smtp:// with ?requireTLS=true for STARTTLS, and let certificates be verified.';
  return isPrivateHost(url.hostname)
    ? problem('SMTP_URL', { id: 'W001', message: 'Mail goes to a private address without verified TLS.', hint })
    : problem('SMTP_URL', { id: 'E025', message: 'Mail must not go to a public address without verified TLS.', hint });
}

// TLS with an unverified certificate, or only claimed by `secured`, stops nobody on the way.
function requiresTls({ protocol, searchParams }: URL): boolean {
  const isOn = (name: string): boolean => searchParams.getAll(name).some((value) => value !== 'false' && value !== '0');
  const isOff = (name: string): boolean => searchParams.has(name) && !isOn(name);
  if (isOff('tls.rejectUnauthorized') || isOn('secured')) return false;
  return protocol === 'smtps:' || (isOn('requireTLS') && searchParams.getAll('requireTLS').length === 1);
}

function checkRecoverySignIn({ accounts }: Draft): SettingProblem | undefined {
  if (accounts.recoverySignIn !== 'ALONE') return undefined;
  return problem('RECOVERY_SIGN_IN', {
    id: 'W002',
    message: 'With alone, whoever holds one recovery code can sign in without the password.',
    hint: 'Choose with-password or off where a code is to be the second factor only.',
  });
}

function checkLoopback({ issuers }: Draft): SettingProblem | undefined {
  if (issuers.allowLoopback !== true) return undefined;
  return problem('OIDC_ALLOW_LOOPBACK', {
    id: 'E032',
    message: 'With true, the server fetches from services of this machine that others cannot reach.',
    hint: 'Leave it out: a trusted issuer has a public https address.',
  });
}

function checkEmailCopy({ mail }: Draft): SettingProblem | undefined {
  if (mail.emailCopyEnabled !== true) return undefined;
  return problem('EMAIL_COPY_ENABLED', {
    id: 'W003',
    message: 'With true, whoever reads the mailbox of an account can hold its recovery codes.',
    hint: 'Set it to false where owners can print or save their codes.',
  });
}
