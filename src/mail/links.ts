const PATHS = {
  'verify-email': 'verify-email',
  'reset-password': 'reset-password',
  'confirm-email-change': 'confirm-email-change',
} as const;

export type MailLinkKind = keyof typeof PATHS;

/**
 * The address that a mail tells its reader to open. The token is in the fragment, which browsers keep to themselves: it
 * is in no server's log and in no Referer.
 *
 * @param publicUrl the configured one, never built from a request
 */
export function mailLinkUrl(publicUrl: string, kind: MailLinkKind, token: string): string {
  return `${publicUrl.replace(/\/+$/, '')}/${PATHS[kind]}#token=${encodeURIComponent(token)}`;
}
