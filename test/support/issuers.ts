import { randomUUID } from 'node:crypto';
import type { SignedIn } from '../../src/domain/access/viewer.js';
import type { OidcClient } from '../../src/domain/issuers/oidc-client.js';
import { AUDIENCE, startIssuer, type TestIssuer, type TokenWish } from './issuer.js';
import { from, makeOwner, type Rules } from './rules.js';

/** An issuer that is trusted. */
export interface Trusted {
  readonly issuer: TestIssuer;
  readonly client: OidcClient;
  /** What becomes of a token here: whom it signs in, or `refused`; undefined where its issuer is not known. */
  enter(token: string | TokenWish, at?: Rules): Promise<SignedIn | 'refused' | undefined>;
}

/** An issuer of its own, trusted with these settings. */
export async function trustIssuer(
  rules: Rules,
  input: Partial<{ acceptIdTokens: boolean; jwksUri: string; isEnabled: boolean; audience: string }> = {},
  issuer?: TestIssuer,
): Promise<Trusted> {
  const started = issuer ?? (await startIssuer());
  const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
  const about = { name: randomUUID(), issuer: started.url, audience: AUDIENCE, ...input };
  const client = await rules.services.oidcClients.save(viewer, origin, { input: about });
  return {
    issuer: started,
    client,
    async enter(token, at = rules) {
      const text = typeof token === 'string' ? token : await started.token(token);
      const entered = await at.services.federation.signIn(text, from());
      return typeof entered === 'object' ? entered.signedIn : entered;
    },
  };
}
