import { isIP } from 'node:net';
import type { Complaint } from './problem.js';
import type { Kind, Refuse } from './setting.js';
import { kind, list } from './setting.js';

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
// The last label holds a letter, or what looks like a mistyped IPv4 address would pass for a name.
const HOST_NAME = new RegExp(`^(?:${LABEL}\\.)*(?=[A-Za-z0-9-]*[A-Za-z])${LABEL}$`);
const ADDRESS = `[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@${LABEL}(?:\\.${LABEL})*`;
const DISPLAY_NAME = String.raw`(?:"[^"\\\p{Cc}]+"|[^<>"(),:;@\\\[\]\p{Cc}]+)`;
const EMAIL = new RegExp(`^${ADDRESS}$`);
const SENDER = new RegExp(`^(?:${ADDRESS}|${DISPLAY_NAME} ?<${ADDRESS}>)$`, 'u');
const MAX_EMAIL_LENGTH = 254;
const MAX_HOST_LENGTH = 253;

/** Where to listen: an IP address or a host name. */
export const host: Kind<string> = kind('IP address or host name', (text, refuse) => {
  if (isIP(text) !== 0 || (text.length <= MAX_HOST_LENGTH && HOST_NAME.test(text))) return text;
  return refuse({
    id: 'E005',
    message: 'Must be an IP address or a host name.',
    hint: 'Leave out the scheme, the port and brackets, as in 127.0.0.1, ::1 or localhost.',
  });
});

/** The origin that clients see; whatever a proxy adds as a path is not supported. */
export const publicUrl: Kind<string> = kind('http or https URL without a path', (text, refuse) => {
  const url = webUrl(text);
  if (url !== undefined && url.pathname === '/' && !/[?#]/.test(text)) return url.origin;
  return refuse({
    id: 'E006',
    message: 'Must be an http or https URL without path, query, fragment and credentials.',
    hint: 'Write scheme, host and, where it is not the usual one, port, as in https://codes.example.com.',
  });
});

/** A connection string for PostgreSQL. */
export const databaseUrl: Kind<string> = kind('postgres URL', (text, refuse) =>
  ['postgres:', 'postgresql:'].includes(URL.parse(text)?.protocol ?? '')
    ? text
    : refuse({
        id: 'E006',
        message: 'Must be a URL that begins with postgres:// or postgresql://.',
        hint: 'Write postgres://user:password@host:5432/name, with special characters of the password percent-encoded.',
      }),
);

/** A connection string for MongoDB; its path names the database. */
export const mongodbUrl: Kind<string> = kind('mongodb URL', (text, refuse) => {
  const isUrl = /^mongodb(?:\+srv)?:\/\/[^\s/]+/.test(text);
  if (isUrl) return text;
  return refuse({
    id: 'E006',
    message: 'Must be a URL with a host that begins with mongodb:// or mongodb+srv://.',
    hint: 'Write mongodb://user:password@host:27017/name, with special characters of the password percent-encoded.',
  });
});

/** Where mail is handed over. */
export const smtpUrl: Kind<string> = kind('smtp or smtps URL', (text, refuse) => {
  const url = URL.parse(text);
  if (url !== null && ['smtp:', 'smtps:'].includes(url.protocol) && url.hostname !== '') return text;
  return refuse({
    id: 'E006',
    message: 'Must be a URL with a host that begins with smtps:// or smtp://.',
    hint: 'Write smtps://user:password@host:465, or smtp://user:password@host:587?requireTLS=true for STARTTLS.',
  });
});

/** Where a page may send a browser: a path here, or a web page elsewhere. */
export const pageUrl: Kind<string> = kind('path, or http or https URL', (text, refuse) => {
  const home = 'http://path.invalid';
  const isPath = text.startsWith('/') && URL.parse(text, home)?.origin === home;
  if (!/\s/.test(text) && (isPath || webUrl(text) !== undefined)) return text;
  return refuse({
    id: 'E006',
    message: 'Must be a path that begins with one slash, or an http or https URL without credentials.',
    hint: 'Write / or /goodbye, or https://www.example.com/.',
  });
});

/** Networks in CIDR notation; a lone address counts as the network that holds only it. */
export const networks: Kind<readonly string[]> = list('list of CIDRs', (text, refuse) => {
  if (text === 'true') {
    return refuse(networkComplaint('Does not take true, since any client could then claim any address.'));
  }
  return readNetwork(text, refuse);
});

/** Web origins, each exactly as a browser sends it. */
export const origins: Kind<readonly string[]> = list('list of origins', (text, refuse) => {
  if (webUrl(text)?.origin === text) return text;
  const message =
    text === '*' ? 'Does not take *, since any page could then call.' : 'Must be an http or https origin.';
  const hint = 'Write each as browsers send it, in lower case and without a final slash: https://app.example.com.';
  return refuse({ id: 'E008', message, hint });
});

/** A bare e-mail address. */
export const email: Kind<string> = kind('e-mail address', (text, refuse) =>
  text.length <= MAX_EMAIL_LENGTH && EMAIL.test(text)
    ? text
    : refuse({
        id: 'E009',
        message: 'Must be an e-mail address.',
        hint: 'Write name@example.com, without a display name.',
      }),
);

/** Whom mails are from, with or without a display name. */
export const sender: Kind<string> = kind('`address` or `Name <address>`', (text, refuse) =>
  text.length <= MAX_EMAIL_LENGTH && SENDER.test(text)
    ? text
    : refuse({
        id: 'E009',
        message: 'Must be one e-mail address, with or without a display name.',
        hint: 'Write codes@example.com or Example Codes <codes@example.com>; quote a name that holds punctuation.',
      }),
);

function webUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined;
  return url.username === '' && url.password === '' ? url : undefined;
}

function readNetwork(text: string, refuse: Refuse): string {
  const [address = '', prefix] = text.split(/\/(.*)/s);
  const bits = addressBits(address);
  const length = prefix === undefined ? bits : parsePrefix(prefix);
  if (bits === 0 || length > bits) return refuse(networkComplaint('Must be a network such as 10.0.0.0/8 or fd00::/8.'));
  if (length > 0) return `${address}/${length}`;
  return refuse(networkComplaint('Covers every address, so that any client could claim any address.'));
}

function addressBits(address: string): number {
  // An address with a zone means something on one machine only.
  if (address.includes('%')) return 0;
  return { 4: 32, 6: 128 }[isIP(address)] ?? 0;
}

function parsePrefix(text: string): number {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Infinity;
}

function networkComplaint(message: string): Complaint {
  return { id: 'E007', message, hint: 'List the networks of your own proxies only, separated by commas.' };
}
