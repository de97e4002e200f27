import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { signInAsAdmin, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { makeReports } from '../support/reports.js';
import { connectWs, endSockets } from '../support/ws-client.js';

let app: TestApp;
let admin: TestAccount;
beforeAll(async () => {
  app = await startTestApp();
  admin = await signInAsAdmin(app);
});
afterEach(endSockets);
afterAll(() => app.close());

it('smoke', async () => {
  const client = await connectWs(app.url, admin.token);
  client.subscribe('subscription { purgeReported { id cursor counts { name count } } }');
  await new Promise((r) => setTimeout(r, 200));
  const [made] = await makeReports(app.database, 1, { total: 3 });
  console.log(await client.event(), made);
  console.log(app.log.join(''));
});
