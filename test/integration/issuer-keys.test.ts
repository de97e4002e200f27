import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IssuerLog } from '../../src/domain/issuers/issuer-log.js';
import { createIssuers, type Issuers } from '../../src/domain/issuers/create-issuers.js';
import { findReport } from '../../src/domain/cleanup/read-reports.js';
import { createFetchJson } from '../../src/http-fetch/fetch-json.js';
import { askForRun, cleanUp, noIssuers, runnerOn, type RunWish } from '../support/cleanup.js';
import { eventually } from '../support/eventually.js';
import {
  answering,
  DISCOVERY_PATH,
  type IssuerKey,
  JWKS_PATH,
  startIssuer,
  type TestIssuer,
} from '../support/issuer.js';
import { type Trusted, trustIssuer } from '../support/issuers.js';
import { from, makeOwner, openRules, outcomeOf, type Rules } from '../support/rules.js';
import { SaidSignals } from '../support/said-signals.js';

type NotFetched = Parameters<IssuerLog['keysNotFetched']>[0];

let rules: Rules;
let faults: NotFetched[];
const issuers: TestIssuer[] = [];

beforeAll(async () => {
  rules = await openRules({ OIDC_ALLOW_LOOPBACK: 'true' });
});
beforeEach(async () => {
  faults = [];
  await rules.database.rows('delete from oidc_clients');
});
afterEach(() => {
  for (const issuer of issuers) issuer.misbehave = () => false;
});
afterAll(async () => {
  for (const issuer of issuers) await issuer.close();
  await rules.close();
});

async function trust(...[input, issuer]: [Parameters<typeof trustIssuer>[1]?, TestIssuer?]): Promise<Trusted> {
  const trusted = await trustIssuer(rules, input, issuer);
  if (issuer === undefined) issuers.push(trusted.issuer);
  return trusted;
}

/** Trusted issuers as another process has them, with a log of ours and signals that we say. */
function process(at = rules): Issuers & { readonly signals: SaidSignals } {
  const issuerLog: IssuerLog = { tokensRefused: () => undefined, keysNotFetched: (fault) => faults.push(fault) };
  const signals = new SaidSignals();
  const core = { settings: at.config, signals, issuer: () => 'http://localhost', issuerLog };
  const made = createIssuers(
    at.db,
    { ...core, fetchJson: createFetchJson({ allowLoopback: true }) },
    undefined as never,
  );
  return { ...made, signals };
}

async function enter({ federation }: Issuers, token: string): Promise<string> {
  const entered = await federation.signIn(token, from());
  return typeof entered === 'object' ? 'signed in' : String(entered);
}

interface Row {
  readonly keys: number | null;
  readonly fetched: Date | null;
  readonly error: string | null;
  readonly uri: string;
}

async function stored({ client }: Trusted): Promise<Row> {
  const [row] = await rules.database.rows<Row>(
    `select jsonb_array_length(jwks -> 'keys') as keys, keys_fetched_at as fetched, last_error as error, jwks_uri as uri
     from oidc_clients where id = $1`,
    [client.id],
  );
  return row as Row;
}

/** So that another attempt is allowed. */
const forgetAttempt = () =>
  rules.database.rows(`update oidc_clients set fetch_tried_at = now() - interval '61 seconds'`);

async function refreshAll(at: Issuers = process()) {
  const all = [];
  for await (const one of at.keyRefresh.refreshAll(await at.keyRefresh.due())) all.push(one);
  return all;
}

const run = (wish: Partial<RunWish> = {}) =>
  cleanUp(rules, { task: 'OIDC_CLIENT_KEYS', keyRefresh: process().keyRefresh, ...wish });

describe('keys that the issuer has begun to sign with since', () => {
  it('cause one fetch, after which the token is good', async () => {
    const acme = await trust();
    const before = process();
    const [old] = acme.issuer.published as [IssuerKey];
    const fresh = await acme.issuer.newKey('EdDSA');
    acme.issuer.published = [fresh];
    await forgetAttempt();
    acme.issuer.asked.length = 0;
    expect(await enter(before, await acme.issuer.token({ key: fresh }))).toBe('signed in');
    expect(acme.issuer.asked).toEqual([DISCOVERY_PATH, JWKS_PATH]);
    expect(await enter(before, await acme.issuer.token({ key: old }))).toBe('refused');
    expect(await enter(before, await acme.issuer.token({ key: fresh }))).toBe('signed in');
    expect(acme.issuer.asked).toHaveLength(2);
  });

  it('are known to other processes by the first question after the word of it', async () => {
    const acme = await trust();
    const [one, other] = [process(), process()];
    const fresh = await acme.issuer.newKey();
    expect(await enter(other, await acme.issuer.token())).toBe('signed in');
    acme.issuer.published = [fresh];
    await forgetAttempt();
    expect(await enter(one, await acme.issuer.token({ key: fresh }))).toBe('signed in');
    other.signals.say('sparekey_issuers_changed', acme.client.id);
    expect(await enter(other, await acme.issuer.token({ key: fresh }))).toBe('signed in');
  });

  it('a hundred unknown key ids, in two processes, cause one fetch a minute', async () => {
    const acme = await trust({ jwksUri: undefined as never });
    const processes = [process(), process()] as const;
    const stranger = await acme.issuer.newKey();
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, n) => acme.issuer.token({ key: { ...stranger, kid: `unknown-${n}` } })),
    );
    const all = () => Promise.all(tokens.map((token, n) => enter(processes[n % 2] as Issuers, token)));
    acme.issuer.asked.length = 0;
    expect(new Set(await all())).toEqual(new Set(['refused']));
    // It was fetched when it was saved.
    expect(acme.issuer.asked).toEqual([]);
    await forgetAttempt();
    const later = [process(), process()];
    const words = await Promise.all(tokens.map((token, n) => enter(later[n % 2] as Issuers, token)));
    expect(new Set(words)).toEqual(new Set(['refused']));
    expect(acme.issuer.asked).toEqual([DISCOVERY_PATH, JWKS_PATH]);
  });

  it('a flood of unknown key ids costs a few statements, not one each', async () => {
    const acme = await trust();
    const at = process();
    const stranger = await acme.issuer.newKey();
    const token = await acme.issuer.token({ key: stranger });
    await enter(at, token);
    const { statementsOf } = await import('../support/statements.js');
    const statements = await statementsOf(rules.database.pool, async () => {
      for (let n = 0; n < 50; n += 1) await enter(at, token);
    });
    expect(statements).toEqual([]);
  });

  it('wait for the one fetch that is under way', async () => {
    const acme = await trust();
    const at = process();
    const fresh = await acme.issuer.newKey();
    acme.issuer.published = [fresh];
    await forgetAttempt();
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    acme.issuer.misbehave = (request, response) => {
      if (request.url !== JWKS_PATH) return false;
      asked.resolve();
      void held.promise.then(() => answering(JSON.stringify({ keys: [fresh.jwk] }))(request, response));
      return true;
    };
    const tokens = await Promise.all(Array.from({ length: 10 }, () => acme.issuer.token({ key: fresh })));
    const waiting = Promise.all(tokens.map((token) => enter(at, token)));
    await asked.promise;
    held.resolve();
    expect(new Set(await waiting)).toEqual(new Set(['signed in']));
  });

  it('are not looked for where the algorithm does not fit, or nothing of the token is of this issuer', async () => {
    const acme = await trust();
    const at = process();
    await forgetAttempt();
    acme.issuer.asked.length = 0;
    const [known] = acme.issuer.published as [IssuerKey];
    const unfit = await acme.issuer.newKey('EdDSA');
    expect(await enter(at, await acme.issuer.token({ key: { ...unfit, kid: known.kid } }))).toBe('refused');
    expect(await enter(at, await acme.issuer.token({ claims: { iss: 'https://issuer.example' } }))).toBe('undefined');
    expect(acme.issuer.asked).toEqual([]);
  });
});

/** Answers that hold no keys, or are none, and what is told of each. */
const USELESS: readonly [string, TestIssuer['misbehave'], RegExp][] = [
  ['{}', answering('{}'), /^The issuer answered without a key that could prove a token/],
  ['{"keys":[]}', answering('{"keys":[]}'), /^The issuer answered without a key/],
  ['null', answering('null'), /^The issuer answered without a key/],
  [
    'symmetric keys only',
    answering('{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k"}]}'),
    /^The issuer answered without a key/,
  ],
  ['HTML', answering('<!doctype html>', { 'content-type': 'text/html' }), /^The issuer did not answer with JSON/],
  ['10 MB', answering(`{"keys":[],"x":"${'x'.repeat(10_000_000)}"}`), /^The issuer answered with more than 256 kB/],
  [
    'a redirect to a private address',
    answering('', { location: 'http://169.254.169.254/' }, 302),
    /^The issuer answered with a redirect/,
  ],
  ['an error', answering('{}', {}, 503), /^The issuer answered with an HTTP error/],
  ['nothing', (request) => !!request.socket.destroy(), /^The issuer could not be reached/],
];

describe('an answer that is of no use', () => {
  it.each(USELESS)('%s, keeps the last good set, and is told', async (_what, misbehave, phrase) => {
    const acme = await trust({ jwksUri: undefined as never });
    const explicit = await trust({ jwksUri: `${acme.issuer.url}${JWKS_PATH}` });
    const before = [await stored(acme), await stored(explicit)];
    acme.issuer.misbehave = (request, response) => request.url === JWKS_PATH && misbehave(request, response);
    const at = process();
    const all = await refreshAll(at);
    expect(all).toHaveLength(2);
    for (const [n, trusted] of [acme, explicit].entries()) {
      const { error, ...kept } = await stored(trusted);
      expect(error).toMatch(phrase);
      expect(error).toMatch(/ The log has more under error [0-9a-f-]{36}\.$/);
      expect({ ...kept, error: null }).toEqual(before[n]);
    }
    const errors = (await Promise.all([stored(acme), stored(explicit)])).map(({ error }) => error);
    for (const { client, errorId } of faults) {
      expect([acme.client.name, explicit.client.name]).toContain(client);
      expect(errors.some((error) => error?.includes(errorId))).toBe(true);
    }
    expect(faults).toHaveLength(2);
    expect(await enter(at, await acme.issuer.token())).toBe('signed in');
    acme.issuer.misbehave = () => false;
    await refreshAll();
    expect((await stored(acme)).error).toBeNull();
  });

  it.each<[string, unknown, RegExp]>([
    [
      'of another issuer',
      (url: string) => ({ issuer: `${url}/`, jwks_uri: `${url}${JWKS_PATH}` }),
      /names another issuer/,
    ],
    ['of no issuer', (url: string) => ({ jwks_uri: `${url}${JWKS_PATH}` }), /names another issuer/],
    ['without an address of keys', (url: string) => ({ issuer: url }), /names no address of keys/],
    [
      'with an address that is none',
      (url: string) => ({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
      /names no address of keys/,
    ],
    [
      'with a private address',
      (url: string) => ({ issuer: url, jwks_uri: 'https://10.0.0.1/keys' }),
      /not on the public internet/,
    ],
    [
      'with an address of another scheme',
      (url: string) => ({ issuer: url, jwks_uri: 'http://1.1.1.1/keys' }),
      /names no address of keys/,
    ],
    ['that is a list', () => [], /names another issuer/],
    ['that is null', () => null, /names another issuer/],
  ])('is a discovery document %s', async (_what, documentOf, phrase) => {
    const acme = await trust();
    const before = await stored(acme);
    const document = JSON.stringify((documentOf as (url: string) => unknown)(acme.issuer.url));
    acme.issuer.misbehave = (request, response) =>
      request.url === DISCOVERY_PATH && answering(document)(request, response);
    expect(await refreshAll()).toMatchObject([{ keyCount: 0, error: expect.stringMatching(phrase) }]);
    expect({ ...(await stored(acme)), error: null }).toEqual(before);
    acme.issuer.misbehave = () => false;
  });

  it('is none at all for ten seconds, which others do not wait for', async () => {
    const [slow, quick] = [await trust(), await trust()];
    slow.issuer.misbehave = () => true;
    const before = (await stored(quick)).fetched;
    const startedAt = performance.now();
    const turns = refreshAll();
    await eventually(async () => Number((await stored(quick)).fetched) !== Number(before));
    expect(performance.now() - startedAt).toBeLessThan(9_000);
    expect(await turns).toMatchObject([
      { error: expect.stringMatching(/took too long/) },
      { error: null, keyCount: 1 },
    ]);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });
});

describe('keys that have not been fetched for long', () => {
  it('are not used after JWKS_MAX_STALE_DAYS, and are good again once they are fetched', async () => {
    const acme = await trust();
    const token = await acme.issuer.token();
    const age = (days: number) =>
      rules.database.rows(`update oidc_clients set keys_fetched_at = now() - make_interval(secs => $1)`, [
        days * 86_400,
      ]);
    acme.issuer.misbehave = answering('{}');
    await age(6.9);
    expect(await enter(process(), token)).toBe('signed in');
    await age(7.1);
    expect(await enter(process(), token)).toBe('refused');
    expect(await enter(process(rules.with({ JWKS_MAX_STALE_DAYS: '8' })), token)).toBe('signed in');
    expect((await stored(acme)).keys).toBe(1);
    acme.issuer.misbehave = () => false;
    await forgetAttempt();
    expect(await enter(process(), token)).toBe('signed in');
  });
});

describe('an issuer that is changed, disabled or deleted', () => {
  it('is judged by what it is now in a process that has heard nothing', async () => {
    const acme = await trust();
    const elsewhere = process();
    const token = await acme.issuer.token();
    const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
    const { id, name, issuer, audience } = acme.client;
    const save = (input: object) =>
      rules.services.oidcClients.save(viewer, origin, { id, input: { name, issuer, audience, ...input } });
    expect(await enter(elsewhere, token)).toBe('signed in');
    await save({ audience: 'https://other.example' });
    expect(await enter(elsewhere, token)).toBe('refused');
    await save({});
    elsewhere.signals.say('sparekey_issuers_changed', id);
    expect(await enter(elsewhere, token)).toBe('signed in');
    await save({ isEnabled: false });
    expect(await enter(elsewhere, token)).toBe('refused');
    await save({ isEnabled: true });
    elsewhere.signals.gap();
    expect(await enter(elsewhere, token)).toBe('signed in');
    await rules.services.oidcClients.delete(viewer, origin, id);
    expect(await enter(elsewhere, token)).toBe('refused');
    expect(await enter(elsewhere, token)).toBe('undefined');
  });

  it('keeps no key of where it was before', async () => {
    const [acme, other] = [await trust(), await startIssuer()];
    issuers.push(other);
    other.misbehave = answering('{}');
    const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
    const { id, name, audience } = acme.client;
    const save = (input: object) =>
      rules.services.oidcClients.save(viewer, origin, {
        id,
        input: { name, issuer: acme.issuer.url, audience, ...input },
      });
    acme.issuer.misbehave = answering('{}');
    expect(await save({})).toMatchObject({
      keyCount: 1,
      keysFetchedAt: expect.any(Date),
      jwksUri: acme.issuer.jwksUri,
    });
    expect(await save({ jwksUri: acme.issuer.jwksUri })).toMatchObject({ keyCount: 0, keysFetchedAt: null });
    acme.issuer.misbehave = () => false;
    expect(await save({ jwksUri: acme.issuer.jwksUri })).toMatchObject({ keyCount: 1, lastError: null });
    expect(await save({ issuer: other.url })).toMatchObject({
      keyCount: 0,
      keysFetchedAt: null,
      jwksUri: `${other.url}${DISCOVERY_PATH}`,
      lastError: expect.stringMatching(/names another issuer/),
    });
  });

  it('is not overwritten by a fetch from where it was before', async () => {
    const acme = await trust();
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const fresh = await acme.issuer.newKey();
    acme.issuer.misbehave = (request, response) => {
      if (request.url !== JWKS_PATH) return false;
      asked.resolve();
      void held.promise.then(() => answering(JSON.stringify({ keys: [fresh.jwk, fresh.jwk] }))(request, response));
      return true;
    };
    const refreshing = refreshAll();
    await asked.promise;
    await rules.database.rows(`update oidc_clients set issuer = 'https://issuer.example', jwks = null`);
    held.resolve();
    await refreshing;
    expect((await stored(acme)).keys).toBeNull();
    acme.issuer.misbehave = () => false;
  });
});

describe('OIDC_CLIENT_KEYS', () => {
  it('refreshes each enabled issuer, removes nothing, and counts', async () => {
    const [acme] = [await trust(), await trust(), await trust({ isEnabled: false })];
    await rules.database.rows(`update oidc_clients set keys_fetched_at = now() - interval '3 days'`);
    const dry = await run({ isDryRun: true });
    expect(dry).toMatchObject({ status: 'SUCCEEDED', total: 0, counts: { refreshed: 2, failed: 0 }, error: null });
    const isOld = async () => Date.now() - Number((await stored(acme)).fetched) > 1_000_000;
    expect(await isOld()).toBe(true);
    expect(await run()).toMatchObject({
      status: 'SUCCEEDED',
      total: 0,
      counts: { refreshed: 2, failed: 0 },
      error: null,
    });
    expect(await isOld()).toBe(false);
    const kept = await rules.database.rows('select 1 from oidc_clients');
    expect(kept).toHaveLength(3);
  });

  it('is PARTIAL where one failed, FAILED where all did, and says where to look', async () => {
    const [acme, other] = [await trust(), await trust()];
    acme.issuer.misbehave = answering('{}');
    expect(await run()).toMatchObject({
      status: 'PARTIAL',
      counts: { refreshed: 1, failed: 1 },
      error: 'The keys of 1 of 2 trusted issuer(s) could not be fetched; lastError of each says why.',
    });
    other.issuer.misbehave = answering('{}');
    expect(await run()).toMatchObject({
      status: 'FAILED',
      counts: { refreshed: 0, failed: 2 },
      error: 'The keys of 2 of 2 trusted issuer(s) could not be fetched; lastError of each says why.',
    });
  });

  it('succeeds where nobody is trusted', async () => {
    expect(await run({ keyRefresh: noIssuers })).toMatchObject({
      status: 'SUCCEEDED',
      counts: { refreshed: 0, failed: 0 },
    });
    expect(await run()).toMatchObject({ status: 'SUCCEEDED', counts: { refreshed: 0, failed: 0 } });
  });

  it('ends after the issuer that it is at when it is cancelled', async () => {
    const [first] = [await trust(), await trust()];
    const report = await run({
      keyRefresh: {
        due: () => process().keyRefresh.due(),
        async *refreshAll(clients) {
          for await (const one of process().keyRefresh.refreshAll(clients)) {
            await rules.database.rows(`update purge_reports set cancel_requested_at = now() where status = 'RUNNING'`);
            yield one;
          }
        },
      },
    });
    expect(report).toMatchObject({ status: 'CANCELLED', counts: { refreshed: 1, failed: 0 } });
    expect((await stored(first)).error).toBeNull();
  });

  it('does not wait for an issuer that does not answer when the server stops', async () => {
    const slow = await trust();
    const asked = Promise.withResolvers<void>();
    slow.issuer.misbehave = () => (asked.resolve(), true);
    const wish = { task: 'OIDC_CLIENT_KEYS' as const, keyRefresh: process().keyRefresh };
    const [id, runner] = [await askForRun(rules.db, wish), runnerOn(rules.db, wish)];
    const running = runner.run(id);
    await asked.promise;
    const stoppedAt = performance.now();
    runner.stop();
    await running;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(await findReport(rules.db, id)).toMatchObject({
      status: 'INTERRUPTED',
      counts: { refreshed: 0, failed: 0 },
    });
  });

  it('takes no retention', async () => {
    const { viewer } = await makeOwner(rules, { role: 'ADMIN' });
    const input = { task: 'OIDC_CLIENT_KEYS' as const, retentionDays: 3 };
    expect(await outcomeOf(rules.services.cleanup.run(viewer, input))).toBe('BAD_USER_INPUT');
  });
});
