import { email, pageUrl, sender, smtpUrl } from '../network-kinds.js';
import { boolean, choice, integer, password, text } from '../plain-kinds.js';
import { setting } from '../setting.js';

const mailModes = choice({ queued: 'queued', inline: 'inline' });
const recoverySignInModes = choice({ alone: 'ALONE', 'with-password': 'WITH_PASSWORD', off: 'OFF' });

export const accountSettings = {
  mail: {
    smtpUrl: setting('SMTP_URL', smtpUrl, {
      otherwise: 'files in DATA_DIR/mail',
      description: 'The mail server, with TLS by smtps:// or ?requireTLS=true; required in production.',
      isSecret: true,
      hasFileVariant: true,
    }),
    from: setting('MAIL_FROM', sender, {
      otherwise: "no-reply at PUBLIC_URL's host",
      description: 'Sender of all mails.',
    }),
    mode: setting('MAIL_MODE', mailModes, {
      otherwise: 'queued in production, else inline',
      description: 'Whether mailing codes waits for the mail server.',
    }),
    adminEmail: setting('ADMIN_EMAIL', email, {
      default: 'admin@localhost',
      description: 'Address of the first admin, and of reports.',
    }),
    adminName: setting('ADMIN_NAME', text(1, 100), {
      default: 'Admin',
      description: 'How report mails greet the admin.',
    }),
    adminPassword: setting('ADMIN_PASSWORD', password, {
      otherwise: 'random and printed once, outside production',
      description: 'Password of the first admin; read on the first start only.',
      isSecret: true,
    }),
    emailCopyEnabled: setting('EMAIL_COPY_ENABLED', boolean, {
      default: 'true',
      description: 'Whether owners may have new codes mailed to them.',
    }),
    emailSuccessMessage: setting('EMAIL_SUCCESS_MESSAGE', text(1, 500), {
      default: 'Your recovery codes email has been successfully delivered.',
      description: 'What the owner reads once codes are mailed.',
    }),
    storeEmailLog: setting('STORE_EMAIL_LOG', boolean, {
      default: 'false',
      description: 'Whether a log of mails is kept: template, recipient and what became of it, never the text.',
    }),
  },
  accounts: {
    registrationOpen: setting('REGISTRATION_OPEN', boolean, {
      default: 'true',
      description: 'Whether anyone may register.',
    }),
    recoverySignIn: setting('RECOVERY_SIGN_IN', recoverySignInModes, {
      default: 'alone',
      description: 'Whether a recovery code signs in, and with what.',
    }),
    minPasswordLength: setting('MIN_PASSWORD_LENGTH', integer(8, 256), {
      default: '15',
      description: 'Fewest characters of a password; NIST asks for 15.',
    }),
    stepUpSeconds: setting('STEP_UP_SECONDS', integer(0, 86400), {
      default: '600',
      description: 'How long after signing in codes are issued without the password, in seconds.',
    }),
    refreshGraceSeconds: setting('REFRESH_GRACE_SECONDS', integer(0, 300), {
      default: '10',
      description: 'How long a retried refresh gets the same answer, in seconds.',
    }),
    accessTokenTtlSeconds: setting('ACCESS_TOKEN_TTL_SECONDS', integer(1, 86400), {
      default: '900',
      description: 'Life of an access token, in seconds.',
    }),
    refreshTokenTtlSeconds: setting('REFRESH_TOKEN_TTL_SECONDS', integer(1, 31536000), {
      default: '2592000',
      description: 'Life of a session, however often refreshed, in seconds.',
    }),
    keyRotationTtlSeconds: setting('KEY_ROTATION_TTL_SECONDS', integer(1, 31536000), {
      default: '172800',
      description: 'How long a rotated signing key stays valid, in seconds; at least ACCESS_TOKEN_TTL_SECONDS.',
    }),
    keyRotationIntervalDays: setting('KEY_ROTATION_INTERVAL_DAYS', integer(1, 36500), {
      default: '90',
      description: 'How old the signing key gets before it is rotated by itself, in days.',
    }),
    emailVerificationTtlSeconds: setting('EMAIL_VERIFICATION_TTL_SECONDS', integer(60, 2592000), {
      default: '86400',
      description: 'Life of the link that verifies an address, in seconds.',
    }),
    passwordResetTtlSeconds: setting('PASSWORD_RESET_TTL_SECONDS', integer(60, 86400), {
      default: '3600',
      description: 'Life of the link that sets a new password, in seconds.',
    }),
    emailChangeTtlSeconds: setting('EMAIL_CHANGE_TTL_SECONDS', integer(60, 2592000), {
      default: '86400',
      description: 'How long both sides have to confirm a new address, in seconds.',
    }),
    staleReminderDays: setting('STALE_REMINDER_DAYS', integer(1, 36500), {
      default: '7',
      description: 'How long before an unverified account goes its address is reminded, in days.',
    }),
    maxSubscriptionsPerSocket: setting('MAX_SUBSCRIPTIONS_PER_SOCKET', integer(1, 10000), {
      default: '100',
      description: 'Subscriptions that may run over one socket at a time.',
    }),
    maxSocketsPerAccount: setting('MAX_SOCKETS_PER_ACCOUNT', integer(1, 100000), {
      default: '20',
      description: 'Sockets that one account may hold open at a time, in one process.',
    }),
    afterSignOutUrl: setting('AFTER_SIGN_OUT_URL', pageUrl, {
      default: '/',
      description: 'Where a page goes after signing out.',
    }),
  },
};
