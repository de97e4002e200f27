import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { makeHost, newSubject, REVOKE } from '../support/hosts.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';

/** Where keys are made and revoked; they are used in another process. */
let app: TestApp;
let admin: TestAccount;
let elsewhere: ServerProcess;

beforeAll(async () => {
  const shared = {
    RECOVERY_KEY: 'c2VydmljZSBrZXlzIGFyZSBhc2tlZCBmb3IgZWFjaCB0aW1l',
    PUBLIC_URL: 'http://127.0.0.1:4000',
  };
  app = await startTestApp(shared);
  admin = await signInAsAdmin(app);
  elsewhere = await startServerProcess({ DATABASE_URL: app.database.url, LOG_LEVEL: 'trace', ...shared });
});
afterAll(async () => {
  expect(await elsewhere.stop()).toBe(0);
  await app.close();
});

const codeOf = ({ code }: Answer) => code ?? 'answer';

describe('a service key in another process', () => {
  it('works from its making on, and not once it is revoked, however much it is used', async () => {
    const host = await makeHost(app, admin);
    const subject = newSubject();
    const ask = () => host.ask('{ me { externalId } }', {}, { subject }, elsewhere);
    const issued = await host.ask('mutation { generateRecoveryCodes { batch { id } } }', {}, { subject }, elsewhere);
    expect(codeOf(issued)).toBe('answer');
    const used = await Promise.all(Array.from({ length: 20 }, ask));
    expect(used.map(({ data }) => data['me'].externalId)).toEqual(used.map(() => subject));
    const revoked = await app.post(REVOKE, { id: host.keyId }, { token: admin.token });
    expect(codeOf(revoked)).toBe('answer');
    const refused = await Promise.all(Array.from({ length: 20 }, ask));
    expect(refused.map(codeOf)).toEqual(refused.map(() => 'UNAUTHENTICATED'));
    expect(elsewhere.output() + elsewhere.errors()).not.toContain(host.secret.slice(3));
  });
});
