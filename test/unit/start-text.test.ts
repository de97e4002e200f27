import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load-config.js';
import { startText } from '../../src/start-text.js';

const PRODUCTION = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://keys.example.org',
  DATABASE_URL: 'postgres://sparekey:secret-of-the-database@db.example.org/sparekey',
  RECOVERY_KEY: Buffer.alloc(32, 5).toString('base64url'),
  SMTP_URL: 'smtps://mailer:secret-of-the-mailer@mail.example.org',
  ADMIN_PASSWORD: 'the password of the admin',
};

function configOf(settings: Record<string, string>): Config {
  const { config, problems } = loadConfig(settings);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

describe('What the start prints', () => {
  it('is where to go, where mails are, the first admin, and what to try next', () => {
    const firstAdmin = { email: 'admin@localhost', drawnPassword: 'drawn-just-now' };
    const text = startText(configOf({ SITE_NAME: 'Acme' }), { url: 'http://127.0.0.1:4000', firstAdmin });
    expect(text.split('\n')).toEqual([
      '',
      'Acme is ready.',
      '',
      '  GraphQL     http://127.0.0.1:4000/graphql',
      '  Health      http://127.0.0.1:4000/healthz  http://127.0.0.1:4000/readyz',
      `  Mails       ${join('.data', 'mail')}/*.eml`,
      '  Admin       admin@localhost',
      '  Password    drawn-just-now   (shown this once)',
      '',
      `Try it:  npm run demo -- http://127.0.0.1:4000 --mail-dir ${join('.data', 'mail')}`,
      '',
      '',
    ]);
  });

  it('tells of the admin only when it was made just now, and no password that was given', () => {
    const url = 'http://127.0.0.1:4000';
    const again = startText(configOf({}), { url, firstAdmin: undefined });
    expect(again).not.toMatch(/Admin|Password/);
    const given = startText(configOf({ ADMIN_PASSWORD: PRODUCTION.ADMIN_PASSWORD }), {
      url,
      firstAdmin: { email: 'admin@localhost', drawnPassword: undefined },
    });
    expect(given).toContain('Admin       admin@localhost');
    expect(given).not.toMatch(/Password|the password of the admin/);
  });

  it('names a worker as one, without any address', () => {
    const text = startText(configOf({ ROLE: 'worker' }), { url: undefined, firstAdmin: undefined });
    expect(text).toBe('\nSparekey works (ROLE=worker).\n\n\n');
  });

  it('holds in production no secret, no mail folder and no demo', () => {
    const text = startText(configOf(PRODUCTION), {
      url: 'http://127.0.0.1:4000',
      firstAdmin: { email: 'admin@example.org', drawnPassword: undefined },
    });
    expect(text).toContain('GraphQL     http://127.0.0.1:4000/graphql');
    expect(text).not.toMatch(/Mails|demo|secret|the password of the admin/);
    expect(text).not.toContain(PRODUCTION.RECOVERY_KEY);
  });
});
