import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

/** A key of an issuer, and what it publishes of it. */
export interface IssuerKey {
  readonly alg: Algorithm;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export interface TokenWish {
  readonly key?: IssuerKey;
  /** Over the right claims; an undefined one is left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Answers a request in the place of the issuer; false: the issuer is to answer. */
type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean;

/** An issuer of tokens: a server of its own on this machine, and the keys that it signs with. */
export interface TestIssuer {
  readonly url: string;
  readonly jwksUri: string;
  /** The paths that were asked for, in their order. */
  readonly asked: string[];
  /** What it publishes. */
  published: IssuerKey[];
  /** What happens to requests. */
  misbehave: Misbehaviour;
  /** Makes a key that is not published. */
  newKey(alg?: Algorithm): Promise<IssuerKey>;
  /** A token of its first published key that is right, but for what is wished. */
  token(wish?: TokenWish): Promise<string>;
  close(): Promise<void>;
}

export const AUDIENCE = 'https://codes.example.org';
export const JWKS_PATH = '/keys';
export const DISCOVERY_PATH = '/.well-known/openid-configuration';

const behaves: Misbehaviour = () => false;

export async function newIssuerKey(alg: Algorithm = 'ES256', kid: string = randomUUID()): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** What a token of an issuer claims that is right. */
export function rightClaims(issuer: string): JWTPayload {
  const now = Math.floor(Date.now() / 1_000);
  return { iss: issuer, aud: AUDIENCE, sub: randomUUID(), iat: now, exp: now + 300 };
}

export async function signToken(claims: JWTPayload, { alg, kid, privateKey }: IssuerKey, header = {}): Promise<string> {
  const protectedHeader = JSON.parse(JSON.stringify({ alg, kid, typ: 'at+jwt', ...header })) as { alg: string };
  return await new SignJWT(JSON.parse(JSON.stringify(claims)) as JWTPayload)
    .setProtectedHeader(protectedHeader)
    .sign(privateKey);
}

export async function startIssuer(): Promise<TestIssuer> {
  const server = createServer((request, response) => {
    issuer.asked.push(request.url ?? '');
    if (!issuer.misbehave(request, response)) answer(issuer, request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: TestIssuer = {
    url,
    jwksUri: `${url}${JWKS_PATH}`,
    asked: [],
    published: [await newIssuerKey()],
    misbehave: behaves,
    newKey: (alg) => newIssuerKey(alg),
    token: ({ key = issuer.published[0] as IssuerKey, claims = {}, header = {} } = {}) =>
      signToken({ ...rightClaims(url), ...claims }, key, header),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return issuer;
}

function answer({ url, jwksUri, published }: TestIssuer, request: IncomingMessage, response: ServerResponse): void {
  const documents: Record<string, unknown> = {
    [JWKS_PATH]: { keys: published.map(({ jwk }) => jwk) },
    [DISCOVERY_PATH]: { issuer: url, jwks_uri: jwksUri },
  };
  const document = documents[request.url ?? ''];
  response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(document ?? { error: 'not found' }));
}

/** Answers every request with this. */
export function answering(body: string, headers: Record<string, string> = {}, status = 200): Misbehaviour {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    return true;
  };
}
