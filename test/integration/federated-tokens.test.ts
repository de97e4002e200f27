import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHmac, KeyObject, randomBytes, sign } from 'node:crypto';
import { CompactSign, exportJWK, exportSPKI, importJWK, type JWTPayload, UnsecuredJWT } from 'jose';
import type { IssuerLog } from '../../src/domain/issuers/issuer-log.js';
import { createIssuers } from '../../src/domain/issuers/create-issuers.js';
import { noSignals } from '../../src/domain/signals.js';
import { createFetchJson } from '../../src/http-fetch/fetch-json.js';
import {
  type Algorithm,
  AUDIENCE,
  type IssuerKey,
  newIssuerKey,
  rightClaims,
  signToken,
  type TokenWish,
} from '../support/issuer.js';
import { type Trusted, trustIssuer } from '../support/issuers.js';
import { from, openRules, type Rules } from '../support/rules.js';

type Refused = Parameters<IssuerLog['tokensRefused']>[0];

let rules: Rules;
let acme: Trusted;
let keys: Readonly<Record<Algorithm, IssuerKey>>;
let refused: Refused[];

beforeAll(async () => {
  rules = await openRules({ OIDC_ALLOW_LOOPBACK: 'true' });
  keys = { ES256: await newIssuerKey('ES256'), RS256: await newIssuerKey('RS256'), EdDSA: await newIssuerKey('EdDSA') };
  acme = await trustIssuer(rules);
  acme.issuer.published = [keys.ES256, keys.RS256, keys.EdDSA];
  await rules.services.keyRefresh.refreshForUnknownKey(acme.client.id);
  await refreshed();
});
afterAll(async () => {
  await acme.issuer.close();
  await rules.close();
});
beforeEach(() => {
  refused = [];
});

async function refreshed(): Promise<void> {
  for await (const { error } of rules.services.keyRefresh.refreshAll(await rules.services.keyRefresh.due())) {
    expect(error).toBeNull();
  }
}

/** What becomes of a token in a process of its own, whose log is ours. */
async function judged(token: string): Promise<string> {
  const issuerLog: IssuerLog = { tokensRefused: (line) => refused.push(line), keysNotFetched: () => undefined };
  const core = { settings: rules.config, signals: noSignals, issuer: () => 'http://localhost', issuerLog };
  const { federation } = createIssuers(
    rules.db,
    { ...core, fetchJson: createFetchJson({ allowLoopback: true }) },
    undefined as never,
  );
  const entered = await federation.signIn(token, from());
  return typeof entered === 'object' ? entered.signedIn.kind : String(entered);
}

const now = () => Math.floor(Date.now() / 1_000);
const base64 = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const right = (claims: JWTPayload = {}) => ({ ...rightClaims(acme.issuer.url), ...claims });

/** Signed by whatever key in whatever way, where a library would rightly refuse to. */
function handMade(header: object, claims: JWTPayload, signature: (input: string) => Buffer | string): string {
  const input = `${base64(header)}.${base64(claims)}`;
  const signed = signature(input);
  return `${input}.${typeof signed === 'string' ? signed : signed.toString('base64url')}`;
}

describe('a token of a trusted issuer', () => {
  it.each<Algorithm>(['ES256', 'RS256', 'EdDSA'])('signs its subject in, by %s', async (alg) => {
    const token = await acme.issuer.token({ key: keys[alg] });
    expect(await judged(token)).toBe('signed-in');
    expect(refused).toEqual([]);
  });

  it.each<[string, TokenWish]>([
    ['of type at+jwt', { header: { typ: 'at+jwt' } }],
    ['of type application/at+JWT', { header: { typ: 'application/at+JWT' } }],
    ['of type JWT', { header: { typ: 'JWT' } }],
    ['without a type', { header: { typ: undefined } }],
    ['for several audiences', { claims: { aud: ['https://other.example', AUDIENCE] } }],
    ['of a clock that is a little ahead', { claims: { iat: now() + 50, nbf: now() + 50, exp: now() + 300 } }],
    ['of 24 hours', { claims: { iat: now() - 10, exp: now() - 10 + 86_400 } }],
    ['of a subject of 255 characters', { claims: { sub: ` ~${'s'.repeat(253)}` } }],
    ['with claims that mean nothing here', { claims: { email: 'admin@localhost', role: 'ADMIN', scope: 'admin' } }],
  ])('is good, too: one %s', async (_what, wish) => {
    expect(await judged(await acme.issuer.token(wish))).toBe('signed-in');
  });

  it('is good without a key id only where one key of the set fits', async () => {
    expect(await judged(await acme.issuer.token({ key: keys.RS256, header: { kid: undefined } }))).toBe('signed-in');
  });

  const claimed: [string, TokenWish, string][] = [
    ['for another audience', { claims: { aud: 'https://other.example' } }, 'It is for another audience.'],
    ['for no audience', { claims: { aud: undefined } }, 'It is for another audience.'],
    ['for an empty list of audiences', { claims: { aud: [] } }, 'It is for another audience.'],
    ['that has expired', { claims: { iat: now() - 300, exp: now() - 1 } }, 'It has expired.'],
    ['without an end', { claims: { exp: undefined } }, 'It has expired.'],
    ['whose end is no number', { claims: { exp: '9999999999' } }, 'It is malformed.'],
    ['without a beginning', { claims: { iat: undefined } }, 'Its iat is no time in the past.'],
    ['whose beginning is no number', { claims: { iat: '0' } }, 'It is malformed.'],
    ['from before 1970', { claims: { iat: -1, exp: now() + 300 } }, 'Its iat is no time in the past.'],
    ['issued in the future', { claims: { iat: now() + 120, exp: now() + 300 } }, 'Its iat is no time in the past.'],
    ['valid in the future', { claims: { nbf: now() + 120 } }, 'It is not valid yet.'],
    ['of more than 24 hours', { claims: { exp: now() + 86_500 } }, 'It is valid for more than 24 hours.'],
    [
      'that tells of an event',
      { claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } } },
      'It tells of an event and signs nobody in.',
    ],
    ['with a nonce', { claims: { nonce: 'n' } }, 'It is an ID token, and the issuer may send access tokens only.'],
    ['with at_hash', { claims: { at_hash: 'h' } }, 'It is an ID token, and the issuer may send access tokens only.'],
    ['with c_hash', { claims: { c_hash: 'h' } }, 'It is an ID token, and the issuer may send access tokens only.'],
    ['without a subject', { claims: { sub: undefined } }, 'Its subject is not 1 to 255 printable characters.'],
    ['of an empty subject', { claims: { sub: '' } }, 'Its subject is not 1 to 255 printable characters.'],
    ['of a long subject', { claims: { sub: 's'.repeat(256) } }, 'Its subject is not 1 to 255 printable characters.'],
    [
      'of a subject with a line break',
      { claims: { sub: 'a\nb' } },
      'Its subject is not 1 to 255 printable characters.',
    ],
    [
      'of a subject that is no text',
      { claims: { sub: { id: 1 } } },
      'Its subject is not 1 to 255 printable characters.',
    ],
    ['of a session that is no text', { claims: { sid: 7 } }, 'Its sid is not 1 to 255 printable characters.'],
    ['of a sign-in in the future', { claims: { auth_time: now() + 120 } }, 'Its auth_time is no time in the past.'],
    ['of a sign-in that is no time', { claims: { auth_time: 'now' } }, 'Its auth_time is no time in the past.'],
    ['of a type of its own', { header: { typ: 'logout+jwt' } }, 'Its type is neither at+jwt nor JWT.'],
    ['of a type that is no text', { header: { typ: 7 } }, 'Its type is neither at+jwt nor JWT.'],
    [
      'of a key that nobody published',
      { header: { kid: 'unknown' } },
      'It names a key that the issuer does not publish.',
    ],
    [
      'of a key by a path',
      { header: { kid: '../../../../dev/null' } },
      'It names a key that the issuer does not publish.',
    ],
    [
      'of a key by SQL',
      { header: { kid: "' or true; drop table oidc_clients; --" } },
      'It names a key that the issuer does not publish.',
    ],
    ['of a key that is no text', { header: { kid: { sub: 1 } } }, 'Its key id is no text.'],
  ];

  it.each(claimed)('is refused: one %s', async (_what, wish, reason) => {
    const token = await acme.issuer.token(wish);
    expect(await judged(token)).toBe('refused');
    expect(refused).toEqual([{ client: acme.client.name, reason, count: 1 }]);
  });

  const forged: [string, () => Promise<string> | string, string][] = [
    ['unsigned', () => new UnsecuredJWT(right()).encode(), 'Its algorithm is none of RS256, ES256 and EdDSA.'],
    [
      'of alg none under a known key',
      () => handMade({ alg: 'none', kid: keys.ES256.kid }, right(), () => ''),
      'Its algorithm is none of RS256, ES256 and EdDSA.',
    ],
    [
      'of alg nOnE',
      () => handMade({ alg: 'nOnE', kid: keys.ES256.kid }, right(), () => ''),
      'Its algorithm is none of RS256, ES256 and EdDSA.',
    ],
    [
      'without its signature',
      async () => `${(await acme.issuer.token()).split('.').slice(0, 2).join('.')}.`,
      'Its signature is wrong.',
    ],
    [
      'of another issuer’s key under a known id',
      async () => await acme.issuer.token({ key: { ...(await newIssuerKey()), kid: keys.ES256.kid } }),
      'Its signature is wrong.',
    ],
    [
      'that brings its key along',
      async () => {
        const own = await newIssuerKey();
        return await acme.issuer.token({
          key: own,
          header: { kid: keys.ES256.kid, jwk: own.jwk },
        });
      },
      'Its signature is wrong.',
    ],
    [
      'that says where its key is',
      async () =>
        await acme.issuer.token({
          key: await newIssuerKey(),
          header: { kid: keys.ES256.kid, jku: acme.issuer.jwksUri, x5u: acme.issuer.jwksUri },
        }),
      'Its signature is wrong.',
    ],
    [
      'of RS256 by an elliptic key',
      () => handMade({ alg: 'RS256', kid: keys.ES256.kid }, right(), () => randomBytes(256)),
      'Its algorithm is not that of its key.',
    ],
    [
      'of ES256 by an RSA key',
      async () => handMade({ alg: 'ES256', kid: keys.RS256.kid }, right(), () => randomBytes(64)),
      'Its algorithm is not that of its key.',
    ],
    [
      'of EdDSA by an RSA key',
      async () => handMade({ alg: 'EdDSA', kid: keys.RS256.kid }, right(), () => randomBytes(64)),
      'Its algorithm is not that of its key.',
    ],
    [
      'of ES256 with a signature of zeros',
      () => handMade({ alg: 'ES256', kid: keys.ES256.kid }, right(), () => Buffer.alloc(64)),
      'Its signature is wrong.',
    ],
    [
      'of HS256 by the public RSA key',
      async () => {
        const pem = await exportSPKI((await importJWK(keys.RS256.jwk, 'RS256')) as never);
        return handMade({ alg: 'HS256', kid: keys.RS256.kid }, right(), (input) =>
          createHmac('sha256', pem).update(input).digest(),
        );
      },
      'Its algorithm is none of RS256, ES256 and EdDSA.',
    ],
    [
      'of RS512 by the right RSA key',
      async () =>
        handMade({ alg: 'RS512', kid: keys.RS256.kid }, right(), (input) =>
          sign('sha512', Buffer.from(input), keyObject(keys.RS256)),
        ),
      'Its algorithm is none of RS256, ES256 and EdDSA.',
    ],
    [
      'of PS256 by the right RSA key',
      async () =>
        await signToken(
          right(),
          {
            ...keys.RS256,
            privateKey: (await importJWK(
              { ...(await exportJWK(keys.RS256.privateKey)), alg: 'PS256' },
              'PS256',
            )) as never,
          },
          { alg: 'PS256' },
        ),
      'Its algorithm is none of RS256, ES256 and EdDSA.',
    ],
    ['with a critical extension', async () => await signCritical(), 'It is malformed.'],
    [
      'whose payload was changed',
      async () => {
        const [head, , signature] = (await acme.issuer.token()).split('.');
        return `${head}.${base64(right({ sub: 'somebody else' }))}.${signature}`;
      },
      'Its signature is wrong.',
    ],
    [
      'whose header was changed',
      async () => {
        const [, payload, signature] = (await acme.issuer.token()).split('.');
        return `${base64({ alg: 'ES256', kid: keys.ES256.kid, typ: 'JWT', x: 1 })}.${payload}.${signature}`;
      },
      'Its signature is wrong.',
    ],
    [
      'whose header is no JSON',
      async () => `${base64('x')}.${(await acme.issuer.token()).split('.').slice(1).join('.')}`,
      'It is malformed.',
    ],
  ];

  it.each(forged)('is refused: one %s', async (_what, make, reason) => {
    const token = await make();
    expect(await judged(token)).toBe('refused');
    expect(refused).toEqual([{ client: acme.client.name, reason, count: 1 }]);
  });

  function keyObject({ privateKey }: IssuerKey) {
    return KeyObject.from(privateKey);
  }

  async function signCritical(): Promise<string> {
    return await new CompactSign(Buffer.from(JSON.stringify(right())))
      .setProtectedHeader({ alg: 'ES256', kid: keys.ES256.kid, crit: ['exp'], exp: 1 })
      .sign(keys.ES256.privateKey, { crit: { exp: true } });
  }

  it('is refused where it is huge, and nobody takes the pains to read it', async () => {
    const token = await acme.issuer.token({ claims: { padding: 'p'.repeat(16_384) } });
    expect(token.length).toBeGreaterThan(16_384);
    expect(await judged(token)).toBe('refused');
    expect(await judged(await acme.issuer.token({ claims: { padding: 'p'.repeat(11_000) } }))).toBe('signed-in');
  });

  it('may be an ID token where the issuer is said to send such', async () => {
    const lax = await trustIssuer(rules, { acceptIdTokens: true });
    expect(await lax.enter({ claims: { nonce: 'n', at_hash: 'h', c_hash: 'h' } })).toMatchObject({ kind: 'signed-in' });
    expect(await lax.enter({ claims: { nonce: 'n', events: {} } })).toBe('refused');
    await lax.issuer.close();
  });

  it('is nobody’s where its issuer is not trusted, is named otherwise, or not at all', async () => {
    const { url } = acme.issuer;
    const key = keys.ES256;
    const others = ['https://issuer.example', `${url}/`, url.toUpperCase(), `${url} `, '', undefined, 7, [url], null];
    for (const iss of others) {
      const token = handMade({ alg: 'ES256', kid: key.kid }, right({ iss: iss as never }), () => randomBytes(64));
      expect([iss, await judged(token)]).toEqual([iss, 'undefined']);
    }
    const list = await new CompactSign(Buffer.from('[]')).setProtectedHeader({ alg: 'ES256' }).sign(key.privateKey);
    for (const text of [list, '', 'x', '..', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.'])
      expect(await judged(text)).toBe('undefined');
    expect(refused).toEqual([]);
  });

  it('is nobody’s where it names us, whatever was saved', async () => {
    await rules.database.rows(`update oidc_clients set issuer = 'http://localhost' where id = $1`, [acme.client.id]);
    try {
      expect(await judged(await acme.issuer.token({ claims: { iss: 'http://localhost' } }))).toBe('undefined');
    } finally {
      await rules.database.rows('update oidc_clients set issuer = $2 where id = $1', [acme.client.id, acme.issuer.url]);
    }
  });

  it('of one trusted issuer is no good under the keys or the name of another', async () => {
    const other = await trustIssuer(rules);
    const crossed = await signToken({ ...rightClaims(other.issuer.url) }, keys.ES256);
    expect(await judged(crossed)).toBe('refused');
    const named = await signToken({ ...rightClaims(acme.issuer.url) }, other.issuer.published[0] as IssuerKey);
    expect(await judged(named)).toBe('refused');
    await other.issuer.close();
  });
});

describe('the log of refused tokens', () => {
  it('says each reason once a minute with how often, and nothing of a token', async () => {
    const issuerLog: IssuerLog = { tokensRefused: (line) => refused.push(line), keysNotFetched: () => undefined };
    const core = { settings: rules.config, signals: noSignals, issuer: () => 'http://localhost', issuerLog };
    const { federation } = createIssuers(
      rules.db,
      { ...core, fetchJson: createFetchJson({ allowLoopback: true }) },
      undefined as never,
    );
    const bad = [
      { aud: 'zQ7mXk2v' },
      { aud: 'zQ7mXk2v', sub: 'zQ7mXk2v' },
      { nonce: 'zQ7mXk2v' },
      { nonce: 'zQ7mXk2v' },
    ];
    for (const claims of bad)
      expect(await federation.signIn(await acme.issuer.token({ claims }), from())).toBe('refused');
    expect(refused).toEqual([
      { client: acme.client.name, reason: 'It is for another audience.', count: 1 },
      { client: acme.client.name, reason: 'It is an ID token, and the issuer may send access tokens only.', count: 1 },
    ]);
  });
});
