import { describe, expect, it } from '@jest/globals';
import { generateKey } from '../../../src/config/key.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { isLoopbackHost, isPrivateHost } from '../../../src/config/network.js';

const complete = {
  NODE_ENV: 'production',
  PUBLIC_URL: 'https://codes.example.com',
  DATABASE_URL: 'postgres://app:pass@db/app',
  RECOVERY_KEY: generateKey(),
  SMTP_URL: 'smtps://mail.example.com',
  RECOVERY_SIGN_IN: 'with-password',
  EMAIL_COPY_ENABLED: 'false',
};

function found(env: Record<string, string>): string[] {
  return loadConfig(env).problems.map(({ id, setting }) => `${id} ${setting}`);
}

describe('production', () => {
  it.each([
    [{}, false],
    [{ NODE_ENV: 'development' }, false],
    [{ NODE_ENV: 'test' }, false],
    [{ NODE_ENV: 'production' }, true],
    [{ HOST: 'localhost' }, false],
    [{ HOST: '127.9.9.9' }, false],
    [{ HOST: '::1' }, false],
    [{ HOST: '::ffff:127.0.0.1' }, false],
    [{ HOST: '0.0.0.0' }, true],
    [{ HOST: '::' }, true],
    [{ HOST: '10.0.0.1' }, true],
    [{ HOST: 'server.example' }, true],
    [{ PUBLIC_URL: 'http://localhost:9' }, false],
    [{ PUBLIC_URL: 'http://[::1]' }, false],
    [{ PUBLIC_URL: 'http://127.0.0.1' }, false],
    [{ PUBLIC_URL: 'https://codes.example.com' }, true],
    [{ PUBLIC_URL: 'http://192.168.0.2:4000' }, true],
    [{ PUBLIC_URL: 'http://localhost.example.com' }, true],
    [{ HOST: '0.0.0.0', PUBLIC_URL: 'http://localhost:4000' }, true],
  ])('%j: %s', (env: Record<string, string>, isProduction) => {
    expect(found(env).includes('E013 DATABASE_URL')).toBe(isProduction);
    const { NODE_ENV: _, PUBLIC_URL: __, ...rest } = complete;
    expect(
      loadConfig({ ...rest, ...env, ...(isProduction ? complete : {}), HOST: env['HOST'] }).config?.server.isProduction,
    ).toBe(isProduction);
  });

  it('has no problem when complete', () => {
    expect(found(complete)).toEqual([]);
  });

  it('has no trusted issuer on this machine', () => {
    expect(found({ ...complete, OIDC_ALLOW_LOOPBACK: 'true' })).toEqual(['E032 OIDC_ALLOW_LOOPBACK']);
    expect(found({ OIDC_ALLOW_LOOPBACK: 'true' })).toEqual([]);
  });

  it.each(['PUBLIC_URL', 'DATABASE_URL', 'RECOVERY_KEY', 'SMTP_URL'])('requires %s', (name) => {
    expect(found({ ...complete, [name]: '' })).toEqual([`E013 ${name}`]);
  });

  it.each([
    [{ NODE_ENV: 'production' }, 'NODE_ENV is production'],
    [{ HOST: '0.0.0.0' }, 'HOST is not'],
    [{ PUBLIC_URL: 'https://codes.example.com' }, 'PUBLIC_URL is not'],
  ])('says why %j makes it one', (env: Record<string, string>, reason) => {
    const missing = loadConfig(env).problems.find(({ setting }) => setting === 'DATABASE_URL');
    expect(missing?.message).toContain(reason);
  });

  it('does not call missing what is there but wrong', () => {
    expect(found({ ...complete, DATABASE_URL: 'x', RECOVERY_KEY: '', RECOVERY_KEY_FILE: '/none' })).toEqual([
      'E006 DATABASE_URL',
      'E012 RECOVERY_KEY_FILE',
    ]);
  });

  it('queues mail unless told otherwise', () => {
    expect(loadConfig(complete).config?.mail.mode).toBe('queued');
    expect(loadConfig({ ...complete, MAIL_MODE: 'inline' }).config?.mail.mode).toBe('inline');
    expect(loadConfig({ MAIL_MODE: 'queued' }).config?.mail.mode).toBe('queued');
  });

  it.each([
    [{}, 'no-reply@codes.example.com'],
    [{ PUBLIC_URL: 'https://codes.example.com:8443' }, 'no-reply@codes.example.com'],
    [{ PUBLIC_URL: 'https://192.0.2.1' }, 'no-reply@localhost'],
    [{ PUBLIC_URL: 'https://[2001:db8::1]' }, 'no-reply@localhost'],
    [{ MAIL_FROM: 'Codes <c@example.com>' }, 'Codes <c@example.com>'],
  ])('sends mail %j from %s', (env, from) => {
    expect(loadConfig({ ...complete, ...env }).config?.mail.from).toBe(from);
  });

  it.each([
    [{ RECOVERY_SIGN_IN: 'alone' }, ['W002 RECOVERY_SIGN_IN']],
    [{ RECOVERY_SIGN_IN: '' }, ['W002 RECOVERY_SIGN_IN']],
    [{ RECOVERY_SIGN_IN: 'off' }, []],
    [{ EMAIL_COPY_ENABLED: 'true' }, ['W003 EMAIL_COPY_ENABLED']],
    [{ EMAIL_COPY_ENABLED: '' }, ['W003 EMAIL_COPY_ENABLED']],
    [{ PUBLIC_URL: 'http://codes.example.com' }, ['W006 PUBLIC_URL']],
    [{ PUBLIC_URL: 'http://localhost:4000' }, []],
  ])('with %j warns %j', (env, expected) => {
    expect(found({ ...complete, ...env })).toEqual(expected);
    expect(loadConfig({ ...complete, ...env }).config).toBeDefined();
  });
});

describe('mail in production', () => {
  it.each([
    ['smtps://mail.example.com', []],
    ['smtps://203.0.113.5', []],
    ['smtp://mail.example.com:587?requireTLS=true', []],
    ['smtp://mail.example.com:587?pool=true&requireTLS=1', []],
    ['smtp://mail.example.com', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?requireTLS=false', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?requireTLS=0', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?requiretls=true', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?requireTLS=false&requireTLS=true', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?secure=true', ['E025 SMTP_URL']],
    ['smtps://mail.example.com?tls.rejectUnauthorized=false', ['E025 SMTP_URL']],
    ['smtps://mail.example.com?secured=true', ['E025 SMTP_URL']],
    ['smtp://mail.example.com?requireTLS=true&tls.rejectUnauthorized=false', ['E025 SMTP_URL']],
    ['smtp://8.8.8.8', ['E025 SMTP_URL']],
    ['smtp://134744072', ['E025 SMTP_URL']],
    ['smtp://0x08080808', ['E025 SMTP_URL']],
    ['smtp://[2606:4700::1]', ['E025 SMTP_URL']],
    ['smtp://[::ffff:8.8.8.8]', ['E025 SMTP_URL']],
    ['smtp://10.1.2.3', ['W001 SMTP_URL']],
    ['smtp://127.0.0.1:1025', ['W001 SMTP_URL']],
    ['smtp://[fd00::1]', ['W001 SMTP_URL']],
    ['smtp://mail:1025', ['W001 SMTP_URL']],
    ['smtp://mail.svc.cluster.local', ['W001 SMTP_URL']],
    ['smtps://mail:465', []],
  ])('by %s: %j', (SMTP_URL, expected) => {
    expect(found({ ...complete, SMTP_URL })).toEqual(expected);
  });

  it('may go anywhere outside production', () => {
    expect(found({ SMTP_URL: 'smtp://mail.example.com' })).toEqual([]);
  });
});

describe('hosts', () => {
  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f000001',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
  ])('%s is this machine', (host) => {
    expect([isLoopbackHost(host), isPrivateHost(host)]).toEqual([true, true]);
  });

  it.each(['0.0.0.0', '::', 'localhost.example', '128.0.0.1', 'mylocalhost', '', 'a b'])('%s is not', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    'fe80::1',
    'fc00::1',
    'db',
    'a.internal',
  ])('%s is private', (host) => {
    expect(isPrivateHost(host)).toBe(true);
  });

  it.each(['8.8.8.8', '172.32.0.1', '2001:4860::1', 'mail.example.com', 'local.example.com', '', 'a b'])(
    '%s counts as public',
    (host) => {
      expect(isPrivateHost(host)).toBe(false);
    },
  );
});
