import { errors, jwtVerify, SignJWT } from 'jose';
import { v7 as newId } from 'uuid';
import { isId } from '../ids.js';
import { SIGNING_ALGORITHM } from './signing-key-rows.js';
import type { SigningKey, SigningKeys } from './signing-keys.js';

export interface AccessToken {
  readonly token: string;
  readonly expiresAt: Date;
}

export interface AccessClaims {
  readonly accountId: string;
  readonly sessionId: string;
}

/** What a token says that is valid now. */
export interface VerifiedClaims extends AccessClaims {
  /** By the process's clock, as tokens go by it. */
  readonly expiresAt: Date;
  /** The key that signed it: once that is revoked, the token says nothing any more. */
  readonly kid: string | undefined;
}

/** Makes an access token without asking the database, so that it may be called within a transaction. */
export type SignAccessToken = (claims: AccessClaims) => Promise<AccessToken>;

const TYPE = 'at+jwt';

/** Short-lived JWTs (RFC 9068) that name an account and its session; the role is never in them. */
export class AccessTokens {
  constructor(
    private readonly keys: SigningKeys,
    private readonly options: { readonly issuer: () => string; readonly ttlSeconds: number },
  ) {}

  /**
   * Fetches the key and returns what signs with it. Called before a transaction: one that held its connection and waited
   * for another to read the key by could wait for itself.
   */
  async signer(): Promise<SignAccessToken> {
    const key = await this.keys.current();
    return (claims) => this.#sign(key, claims);
  }

  async #sign({ kid, privateKey }: SigningKey, { accountId, sessionId }: AccessClaims): Promise<AccessToken> {
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = issuedAt + this.options.ttlSeconds;
    const token = await new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, kid, typ: TYPE })
      .setIssuer(this.options.issuer())
      .setAudience(this.options.issuer())
      .setSubject(accountId)
      .setJti(newId())
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(privateKey);
    return { token, expiresAt: new Date(expiresAt * 1000) };
  }

  /** The claims of a token that is ours, unexpired and well formed; undefined for any other. */
  async verify(token: string): Promise<VerifiedClaims | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => this.#keyFor(kid), {
        algorithms: [SIGNING_ALGORITHM],
        typ: TYPE,
        issuer: this.options.issuer(),
        audience: this.options.issuer(),
        requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'],
      });
      const { sub: accountId, sid: sessionId, exp = 0 } = payload;
      if (!isId(accountId) || !isId(sessionId)) return undefined;
      return { accountId, sessionId, expiresAt: new Date(exp * 1000), kid: protectedHeader.kid };
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async #keyFor(kid: string | undefined) {
    const key = kid === undefined ? undefined : await this.keys.publicKey(kid);
    if (key === undefined) throw new errors.JWSSignatureVerificationFailed();
    return key;
  }
}
