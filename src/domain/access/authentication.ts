import type { AccessTokens } from '../accounts/access-tokens.js';
import { signedInBy } from '../accounts/sessions.js';
import type { Database } from '../database.js';
import { anonymous, rejected, type Viewer } from './viewer.js';

/** What a caller shows to say who it is. */
export interface Credentials {
  /** Of the header `Authorization: Bearer …`; empty where the header is no such one. */
  readonly bearer: string | undefined;
}

/** Who asks. What cannot be believed is rejected, never taken for nobody. */
export class Authentication {
  constructor(
    private readonly db: Database,
    private readonly parts: { readonly accessTokens: AccessTokens },
  ) {}

  async viewerOf({ bearer }: Credentials): Promise<Viewer> {
    return bearer === undefined ? anonymous : await this.#byAccessToken(bearer);
  }

  /** Its session is looked up each time, so that a token dies with its session. */
  async #byAccessToken(token: string): Promise<Viewer> {
    const claims = await this.parts.accessTokens.verify(token);
    const signedIn = claims && (await signedInBy(this.db, claims.sessionId));
    return signedIn?.accountId === claims?.accountId ? (signedIn ?? rejected) : rejected;
  }
}
