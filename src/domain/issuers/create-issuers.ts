import type { Reauthentication } from '../accounts/reauthentication.js';
import type { Database } from '../database.js';
import type { DomainSettings } from '../settings.js';
import type { Signals } from '../signals.js';
import { Federation } from './federation.js';
import type { FetchJson } from './fetch-json.js';
import type { IssuerLog } from './issuer-log.js';
import { KeyRefresh } from './key-refresh.js';
import { OidcClients } from './oidc-clients.js';
import { TrustedIssuers } from './trusted-issuers.js';

/** What the core has to bring for trusted issuers. */
export interface IssuerCore {
  readonly settings: DomainSettings;
  readonly signals: Signals;
  readonly issuer: () => string;
  readonly fetchJson: FetchJson;
  readonly issuerLog?: IssuerLog;
}

export interface Issuers {
  readonly oidcClients: OidcClients;
  readonly federation: Federation;
  readonly keyRefresh: KeyRefresh;
}

const silent: IssuerLog = { tokensRefused: () => undefined, keysNotFetched: () => undefined };

/** All that concerns trusted issuers, on one set of their keys. */
export function createIssuers(db: Database, core: IssuerCore, reauthentication: Reauthentication): Issuers {
  const { settings, signals, issuer: ownIssuer, fetchJson, issuerLog: log = silent } = core;
  const { jwksMaxStaleDays: maxStaleDays, allowLoopback } = settings.issuers;
  const refresh = new KeyRefresh(db, { fetchJson, allowLoopback, log });
  const trusted = new TrustedIssuers(db, { signals, maxStaleDays });
  return {
    oidcClients: new OidcClients(db, { reauthentication, refresh, trusted, ownIssuer, allowLoopback }),
    federation: new Federation(db, { trusted, refresh, log, ownIssuer }),
    keyRefresh: refresh,
  };
}
