import type { Origin, SignedIn } from '../access/viewer.js';
import type { Database } from '../database.js';
import { findSession, openFederatedSession } from './federated-sessions.js';
import {
  type FederatedClaims,
  issuerNamedBy,
  MOST_TOKEN_CHARACTERS,
  TokenRefusedError,
  verifyToken,
} from './federated-tokens.js';
import { type IssuerLog, RefusalLog } from './issuer-log.js';
import type { KeyRefresh } from './key-refresh.js';
import type { KeyFound, KeyWanted } from './key-set.js';
import type { TrustedIssuer, TrustedIssuers } from './trusted-issuers.js';

/** Whom a token of a trusted issuer signs in, and until when it does. */
export interface Federated {
  readonly signedIn: SignedIn;
  readonly expiresAt: Date;
}

interface Parts {
  readonly trusted: TrustedIssuers;
  readonly refresh: KeyRefresh;
  readonly log: Pick<IssuerLog, 'tokensRefused'>;
  /** Of our own tokens, which are none of ours here. */
  readonly ownIssuer: () => string;
}

/** An issuer that is changed while its token is looked at is looked at again, but not for ever. */
const MOST_LOOKS = 3;

/** Signing in by the tokens of other issuers. Each request brings one, and none is remembered. */
export class Federation {
  readonly #refusals: RefusalLog;

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    this.#refusals = new RefusalLog(parts.log);
  }

  /** Undefined for what names no issuer that is trusted; `refused` for what does, and is no good. */
  async signIn(token: string, origin: Origin): Promise<Federated | 'refused' | undefined> {
    if (token.length > MOST_TOKEN_CHARACTERS) return 'refused';
    const issuer = issuerNamedBy(token);
    if (typeof issuer !== 'string' || issuer === this.parts.ownIssuer()) return undefined;
    for (let looked = 0; looked < MOST_LOOKS; looked += 1) {
      const trusted = await this.parts.trusted.find(issuer);
      if (trusted === undefined) return looked === 0 ? undefined : 'refused';
      const outcome = await this.#judge(token, trusted, origin);
      if (outcome !== 'issuer changed') return outcome;
      this.parts.trusted.forget();
    }
    return 'refused';
  }

  async #judge(
    token: string,
    trusted: TrustedIssuer,
    origin: Origin,
  ): Promise<Federated | 'refused' | 'issuer changed'> {
    try {
      const claims = await verifyToken(token, trusted, (wanted) => this.#keyOf(trusted, wanted));
      const found = await findSession(this.db, trusted, claims);
      switch (found.kind) {
        case 'issuer changed':
          return found.kind;
        case 'revoked':
          throw new TokenRefusedError('Its session was revoked.');
        case 'live':
          return federated(found.signedIn, claims);
        case 'to open':
          return await this.#open(claims, origin);
      }
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error;
      this.#refusals.note(trusted.name, error.message);
      return 'refused';
    }
  }

  async #open(claims: FederatedClaims, origin: Origin): Promise<Federated> {
    const signedIn = await openFederatedSession(this.db, claims, origin);
    if (signedIn !== undefined) return federated(signedIn, claims);
    throw new TokenRefusedError(
      'Its session was revoked, or its account deleted after it was issued, or it has just expired.',
    );
  }

  /** An issuer may have begun to sign with another key since its keys were fetched. */
  async #keyOf(trusted: TrustedIssuer, wanted: KeyWanted): Promise<KeyFound> {
    const found = await trusted.keys().find(wanted);
    if (found !== 'unknown') return found;
    if (await this.parts.refresh.refreshForUnknownKey(trusted.id)) this.parts.trusted.forget();
    const now = await this.parts.trusted.find(trusted.issuer);
    return now === undefined ? 'unknown' : await now.keys().find(wanted);
  }
}

function federated(signedIn: SignedIn, { expiresAt }: FederatedClaims): Federated {
  return { signedIn, expiresAt: new Date(expiresAt * 1_000) };
}
