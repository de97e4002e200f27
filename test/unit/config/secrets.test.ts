import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/load-config.js';
import { formatProblems } from '../../../src/config/format-problems.js';
import { allSettings, secretNames } from '../../../src/config/settings.js';

const names = allSettings.map(({ setting }) => setting.name);
const marker = fc.stringMatching(/^[A-Za-z0-9]{12,40}$/).filter((text) => !names.join().includes(text));
// Forms that get past some checks and fail at others.
const disguised = fc.tuple(
  marker,
  fc.constantFrom(
    (secret: string) => secret,
    (secret: string) => `smtp://user:${secret}@mail.example.com`,
    (secret: string) => `smtp://${secret}`,
    (secret: string) => `postgres://user:${secret}@db/app`,
    (secret: string) => `mysql://user:${secret}@db/app`,
    (secret: string) => `https://user:${secret}@example.com`,
    (secret: string) => `a,${secret}`,
    (secret: string) => ` ${secret}\n`,
  ),
);

describe('a value that was given', () => {
  it('is in no problem, whatever setting it was given to, in production or not', () => {
    fc.assert(
      fc.property(disguised, fc.constantFrom(...names), fc.boolean(), ([secret, disguise], name, isProduction) => {
        const env = { [name]: disguise(secret), NODE_ENV: isProduction ? 'production' : 'test' };
        expect(JSON.stringify(loadConfig(env).problems)).not.toContain(secret);
      }),
      { numRuns: 2000 },
    );
  });

  it('is in no problem when all settings hold it at once, nor in their print-out', () => {
    fc.assert(
      fc.property(disguised, ([secret, disguise]) => {
        const env = Object.fromEntries(names.map((name) => [name, disguise(secret)]));
        const { problems } = loadConfig({ ...env, NODE_ENV: 'production' });
        expect(problems.length).toBeGreaterThan(20);
        expect(formatProblems(problems) + JSON.stringify(problems)).not.toContain(secret);
      }),
    );
  });

  it('is in no problem when it was given as the name of a file, or found in one', () => {
    fc.assert(
      fc.property(disguised, fc.boolean(), ([secret, disguise], isFound) => {
        const path = disguise(secret);
        const readFile = (): string => {
          if (isFound) return path;
          throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' });
        };
        const env = { RECOVERY_KEY_FILE: path, DATABASE_URL_FILE: path, SMTP_URL_FILE: path };
        expect(JSON.stringify(loadConfig(env, readFile).problems)).not.toContain(secret);
      }),
    );
  });
});

describe('the secret settings', () => {
  it('are these', () => {
    expect(secretNames.toSorted()).toEqual([
      'ADMIN_PASSWORD',
      'DATABASE_URL',
      'METRICS_TOKEN',
      'MONGODB_URL',
      'RECOVERY_KEY',
      'RECOVERY_KEY_PREVIOUS',
      'SMTP_URL',
    ]);
  });
});
