import { boolean, integer } from '../plain-kinds.js';
import { setting } from '../setting.js';

export const issuerSettings = {
  issuers: {
    jwksMaxStaleDays: setting('JWKS_MAX_STALE_DAYS', integer(1, 365), {
      default: '7',
      description: "How long a trusted issuer's keys are used that could not be fetched anew, in days.",
    }),
    allowLoopback: setting('OIDC_ALLOW_LOOPBACK', boolean, {
      default: 'false',
      description: 'Whether trusted issuers may be on this machine, by http too; for development and tests only.',
    }),
  },
};
