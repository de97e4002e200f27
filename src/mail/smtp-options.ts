import type { SMTPPoolOptions } from 'nodemailer';

type ServerOptions = Pick<
  SMTPPoolOptions,
  'host' | 'port' | 'secure' | 'auth' | 'requireTLS' | 'ignoreTLS' | 'name' | 'tls'
>;

const BOOLEANS: Readonly<Record<string, boolean | undefined>> = { true: true, false: false };

/**
 * Reads `smtp://` (STARTTLS where offered) or `smtps://` with user, password, host, port and the options requireTLS,
 * ignoreTLS, name, tls.servername and tls.rejectUnauthorized. The library would take any option of its own from the
 * query, `debug` and `logger` among them, which print whole mails.
 *
 * @throws Error saying what is wrong without quoting any of the URL, which holds a password
 */
export function parseSmtpUrl(smtpUrl: string): ServerOptions {
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : undefined;
  if (url === undefined || url.hostname === '' || !['smtp:', 'smtps:'].includes(url.protocol)) {
    throw new Error('The SMTP URL must be smtp://host:port or smtps://host:port.');
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    secure: url.protocol === 'smtps:',
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { auth: { user: decoded(url.username), pass: decoded(url.password) } }),
    ...queryOptions(url.searchParams),
  };
}

function queryOptions(query: URLSearchParams): ServerOptions {
  const options: ServerOptions = {};
  const tls: NonNullable<ServerOptions['tls']> = {};
  for (const [name, value] of query) {
    if (name === 'requireTLS' || name === 'ignoreTLS') options[name] = parseBoolean(value);
    else if (name === 'name') options.name = value;
    else if (name === 'tls.servername') tls.servername = value;
    else if (name === 'tls.rejectUnauthorized') tls.rejectUnauthorized = parseBoolean(value);
    else throw new Error('The SMTP URL has an unknown option.');
  }
  return { ...options, tls };
}

function parseBoolean(value: string): boolean {
  const parsed = BOOLEANS[value];
  if (typeof parsed !== 'boolean') throw new Error('TLS options of the SMTP URL must be true or false.');
  return parsed;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error('User and password of the SMTP URL must be percent-encoded.');
  }
}
