import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/server/logger.js';
import { makeDatabase, type TestDatabase } from '../support/database.js';
import { databasePlaces, filePlaces, outputOf, type Place, SecretScan } from '../support/secret-scan.js';

let database: TestDatabase;
let dir: string;

beforeAll(async () => {
  database = await makeDatabase();
  dir = await mkdtemp(join(tmpdir(), 'sparekey-scan-'));
});
afterAll(async () => {
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

describe('the scan for secrets', () => {
  const planted = 'QaWsEd-rFtGyH-uJiKoL-zXcVbN-mPqRsT-vWxYz2';
  const seeded = new SecretScan();
  seeded.add('it', planted);
  const bare = planted.replaceAll('-', '');
  const forms = {
    whole: planted,
    'without dashes': bare,
    'its first half': bare.slice(0, 18),
    'its second half': bare.slice(18),
    'in lower case': planted.toLowerCase(),
    'in base64': Buffer.from(planted).toString('base64'),
    'in hex': Buffer.from(bare).toString('hex'),
    'amid others': `x${bare}x`,
  };

  it.each(Object.entries(forms))('finds one planted in a column of each kind, %s', async (_label, form) => {
    await database.rows('create schema if not exists elsewhere');
    await database.rows(
      'create table elsewhere.planted (t text, v varchar(200), j json, b jsonb, bytes bytea, many text[], c char(100), n int)',
    );
    await database.rows('insert into elsewhere.planted values ($1, $2, $3, $4, $5, array[$6], $7, 7)', [
      form,
      form,
      JSON.stringify({ deep: [{ at: form }] }),
      { [form]: true },
      Buffer.concat([Buffer.from([0, 255, 200]), Buffer.from(form)]),
      form,
      form,
    ]);
    const finds = seeded.finds(await databasePlaces(database));
    await database.rows('drop table elsewhere.planted');
    expect(new Set(finds)).toEqual(
      new Set(['t', 'v', 'j', 'b', 'bytes', 'many', 'c'].map((c) => `it in planted.${c}`)),
    );
  });

  it('finds one in the tables that there are', async () => {
    await database.rows(`insert into audit_events (id, action, reason) values ($1, 'CODE_REJECTED', $2)`, [
      randomUUID(),
      `tried ${bare}`,
    ]);
    await database.rows('insert into outbox (id, topic, payload, sealed, due_at) values ($1, $2, $3, $4, $5)', [
      randomUUID(),
      'batch-changed',
      { note: planted },
      Buffer.from(planted),
      new Date(Date.now() + 1e8),
    ]);
    expect(new Set(seeded.finds(await databasePlaces(database)))).toEqual(
      new Set(['it in audit_events.reason', 'it in outbox.payload', 'it in outbox.sealed']),
    );
  });

  it('finds one in a log line, in the output, in a file, in a mail and in an error', async () => {
    await mkdir(join(dir, 'mail'));
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
    logger.info({ note: planted }, 'planted');
    const printed = await outputOf(async () => {
      console.warn(`oops ${bare}`);
      process.stdout.write('fine');
    });
    await writeFile(join(dir, 'planted.txt'), planted);
    const soft = `${bare.slice(0, 10)}=\r\n${bare.slice(10)}`;
    const mail = `Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain\r\n\r\n${soft}`;
    await writeFile(join(dir, 'mail', 'planted.eml'), mail);
    const error: Place = {
      name: 'an error',
      text: JSON.stringify({ errors: [{ message: `No such code: ${planted}` }] }),
    };
    const places = [
      ...lines.map((text) => ({ name: 'the log', text })),
      { name: 'the output', text: printed },
      ...(await filePlaces(dir)),
      error,
    ];
    expect(new Set(seeded.finds(places))).toEqual(
      new Set(['the log', 'the output', 'planted.txt', 'mail/planted.eml', 'an error'].map((name) => `it in ${name}`)),
    );
    expect(printed).toContain('fine');
  });
});
