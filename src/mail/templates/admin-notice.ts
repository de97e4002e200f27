import { composeMail } from '../compose-mail.js';
import { facts, paragraph } from '../mail-content.js';
import type { AdminNoticeMail, RenderedMail } from '../../domain/mail/mail-inputs.js';
import { originFacts } from './origin-facts.js';

interface Words {
  readonly subject: string;
  readonly text: string;
  /** What `about` is called. */
  readonly label: string;
  /** What to do where nobody meant it, before anything else. */
  readonly remedy: string;
}

const WORDS: Readonly<Record<AdminNoticeMail['what'], Words>> = {
  'signing-key-rotated': {
    subject: 'The signing key was rotated',
    text: 'A new key signs access tokens from now on.',
    label: 'Rotation',
    remedy: 'Rotate the key yourself and revoke the previous ones',
  },
  'service-key-created': {
    subject: 'A service key was created',
    text: 'Whoever holds the new service key acts for the users of its realm.',
    label: 'Service key',
    remedy: 'Revoke the service key',
  },
  'service-key-revoked': {
    subject: 'A service key was revoked',
    text: 'The application that used this service key is refused from now on.',
    label: 'Service key',
    remedy: 'Create a new service key for the application',
  },
  'oidc-client-saved': {
    subject: 'A trusted issuer was saved',
    text: 'The tokens of this issuer sign its subjects in, as long as it is enabled.',
    label: 'Issuer',
    remedy: 'Disable or delete the issuer',
  },
  'oidc-client-deleted': {
    subject: 'A trusted issuer was deleted',
    text: 'The tokens of this issuer are refused from now on.',
    label: 'Issuer',
    remedy: 'Save the issuer again',
  },
};

/** Tells the people who run the site what an admin, the command line or the server itself did that others rely on. */
export function adminNotice({ siteName, origin, what, about, by }: AdminNoticeMail): RenderedMail {
  const { subject, text, label, remedy } = WORDS[what];
  return composeMail({
    siteName,
    subject: `${subject} at ${siteName}`,
    blocks: [
      paragraph(text),
      facts([label, about], ['By', by ?? 'the server itself or its command line'], ...originFacts(origin)),
      paragraph(
        `If you did not expect this, somebody else may have an admin's session, or the server. ${remedy}, have every admin change the password and sign out all other sessions, and read the audit events since then.`,
      ),
    ],
  });
}
