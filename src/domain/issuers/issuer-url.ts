const VISIBLE_ASCII = /^[\x21-\x7e]{1,1000}$/;
const LOOPBACK_HOST = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Whether a text is an https address without credentials and fragment; with `allowLoopback`, an http one of this machine
 * will do. Where it leads is checked when it is used.
 */
export function isFetchableUrl(text: string, allowLoopback: boolean): boolean {
  const url = VISIBLE_ASCII.test(text) ? URL.parse(text) : null;
  if (url === null || text.includes('#') || url.username + url.password !== '') return false;
  return url.protocol === 'https:' || (allowLoopback && isPlainHere(url));
}

function isPlainHere({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && LOOPBACK_HOST.test(hostname);
}

/** Where an issuer says where its keys are (OpenID Connect Discovery 1.0, section 4). */
export function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}
