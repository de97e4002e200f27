import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sparekey } from '../support/command.js';
import { answering, AUDIENCE, startIssuer, type TestIssuer } from '../support/issuer.js';
import { makeOwner, openRules, type Rules } from '../support/rules.js';

const COMMAND = 'refresh-oidc-clients-jwks';

let rules: Rules;
let dataDir: string;
let settings: Record<string, string>;
let acme: TestIssuer;
let other: TestIssuer;

beforeAll(async () => {
  const shared = { RECOVERY_KEY: randomBytes(32).toString('base64url'), OIDC_ALLOW_LOOPBACK: 'true' };
  rules = await openRules(shared);
  dataDir = await mkdtemp(join(tmpdir(), 'sparekey-command-'));
  settings = { DATABASE_URL: rules.database.url, DATA_DIR: dataDir, LOG_LEVEL: 'silent', ...shared };
  [acme, other] = [await startIssuer(), await startIssuer()];
});
beforeEach(async () => {
  await rules.database.rows('truncate purge_reports, oidc_clients cascade');
  const { viewer, origin } = await makeOwner(rules, { role: 'ADMIN' });
  // In the order in which they were added, which is not that of their names.
  for (const [name, { url: issuer }] of [
    ['Z, the first', acme],
    ['A, the second', other],
  ] as const) {
    await rules.services.oidcClients.save(viewer, origin, { input: { name, issuer, audience: AUDIENCE } });
  }
});
afterEach(() => {
  acme.misbehave = other.misbehave = () => false;
});
afterAll(async () => {
  await acme.close();
  await other.close();
  await rules.close();
  await rm(dataDir, { recursive: true, force: true });
});

const reports = () => rules.database.rows('select task, status, trigger, total, counts, error from purge_reports');

describe(COMMAND, () => {
  it('fetches each, one line an issuer in the order of their adding, and leaves a report', async () => {
    acme.published.push(await acme.newKey());
    expect(await sparekey(settings, COMMAND)).toEqual({
      code: 0,
      out: `Fetching signing keys for 'Z, the first' from '${acme.jwksUri}'… 2 key(s)\nFetching signing keys for 'A, the second' from '${other.jwksUri}'… 1 key(s)\n`,
      err: '',
    });
    const counts = { refreshed: 2, failed: 0 };
    expect(await reports()).toEqual([
      { task: 'OIDC_CLIENT_KEYS', status: 'SUCCEEDED', trigger: 'CLI', total: 0, counts, error: null },
    ]);
    const stored = await rules.database.rows(
      `select jsonb_array_length(jwks -> 'keys') as n from oidc_clients order by created_at`,
    );
    expect(stored).toEqual([{ n: 2 }, { n: 1 }]);
  });

  it('exits 1 where one could not be fetched, says which and why, and fetches the others', async () => {
    acme.misbehave = answering('{"keys":[]}');
    const { code, out, err } = await sparekey(settings, COMMAND);
    const [first, second] = out.split('\n');
    expect(first).toMatch(
      /^Fetching signing keys for 'Z, the first' from '[^']+'… failed: The discovery document names another issuer\. The log has more under error [0-9a-f-]{36}\.$/,
    );
    expect(second).toBe(`Fetching signing keys for 'A, the second' from '${other.jwksUri}'… 1 key(s)`);
    expect({ code, err }).toEqual({
      code: 1,
      err: 'PARTIAL: The keys of 1 of 2 trusted issuer(s) could not be fetched; lastError of each says why.\n',
    });
  });

  it('prints the report and each issuer as JSON, and nothing else, with --json', async () => {
    other.misbehave = answering('<html>', { 'content-type': 'text/html' });
    const { code, out, err } = await sparekey(settings, COMMAND, '--json');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(JSON.parse(out)).toMatchObject({
      task: 'OIDC_CLIENT_KEYS',
      status: 'PARTIAL',
      counts: { refreshed: 1, failed: 1 },
      clients: [
        { name: 'Z, the first', issuer: acme.url, ok: true, error: null, durationMs: expect.any(Number) },
        { name: 'A, the second', issuer: other.url, ok: false, keyCount: 0, error: expect.stringMatching(/JSON/) },
      ],
    });
  });

  it('succeeds without a word where nobody is trusted', async () => {
    await rules.database.rows('update oidc_clients set is_enabled = false');
    expect(await sparekey(settings, COMMAND)).toEqual({ code: 0, out: '', err: '' });
    expect(await reports()).toMatchObject([{ status: 'SUCCEEDED' }]);
  });

  it('asks no proxy that the environment names', async () => {
    // Nobody listens there.
    const proxies = Object.fromEntries(
      ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY'].map((name) => [
        name,
        'http://127.0.0.1:9',
      ]),
    );
    const { code } = await sparekey({ ...settings, ...proxies, NODE_USE_ENV_PROXY: '1', NO_PROXY: '' }, COMMAND);
    expect(code).toBe(0);
  });
});
