import type { AccessTokens } from '../accounts/access-tokens.js';
import type { SessionCache } from '../accounts/session-cache.js';
import type { Federation } from '../issuers/federation.js';
import type { ServiceCallers } from '../service-keys/service-callers.js';
import type { HeaderValues } from '../service-keys/service-headers.js';
import { claimsToBeServiceKey } from '../service-keys/service-key.js';
import { anonymous, type Origin, rejected, type Viewer } from './viewer.js';

/** What a caller shows to say who it is. */
export interface Credentials {
  /** Of the header `Authorization: Bearer …`; empty where the header is no such one. */
  readonly bearer: string | undefined;
  readonly origin: Origin;
  /** What else it says, which is listened to with a service key only. */
  readonly headers?: HeaderValues;
}

interface Parts {
  readonly accessTokens: AccessTokens;
  readonly sessions: SessionCache;
  readonly federation: Federation;
  readonly serviceCallers: ServiceCallers;
}

/** Who asks. What cannot be believed is rejected, never taken for nobody. */
export class Authentication {
  constructor(private readonly parts: Parts) {}

  /** @throws BadUserInputError for a header beside a service key that is not as it has to be */
  async viewerOf({ bearer, origin, headers = () => [] }: Credentials): Promise<Viewer> {
    if (bearer === undefined) return anonymous;
    if (claimsToBeServiceKey(bearer)) return (await this.parts.serviceCallers.find(bearer, headers)) ?? rejected;
    const federated = await this.parts.federation.signIn(bearer, origin);
    if (federated !== undefined) return federated === 'refused' ? rejected : federated.signedIn;
    return await this.#byAccessToken(bearer);
  }

  /** A token dies with its session. */
  async #byAccessToken(token: string): Promise<Viewer> {
    const claims = await this.parts.accessTokens.verify(token);
    const signedIn = claims && (await this.parts.sessions.find(claims.sessionId));
    return signedIn?.accountId === claims?.accountId ? (signedIn ?? rejected) : rejected;
  }
}
