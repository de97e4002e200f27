import { describe, expect, it } from '@jest/globals';
import { isAbsolute, resolve } from 'node:path';
import { loadConfig } from '../../../src/config/load-config.js';
import { allSettings } from '../../../src/config/settings.js';
import { generateKey } from '../../../src/config/key.js';

describe('the configuration without any variable', () => {
  const { config, problems } = loadConfig({});

  it('has no problem', () => {
    expect(problems).toEqual([]);
  });

  it('holds every default', () => {
    expect(config).toEqual({
      server: {
        host: '127.0.0.1',
        port: 4000,
        publicUrl: 'http://127.0.0.1:4000',
        role: 'all',
        logLevel: 'info',
        corsOrigins: [],
        trustProxy: [],
        metricsToken: undefined,
        siteName: 'Sparekey',
        dataDir: resolve('.data'),
        isProduction: false,
      },
      stores: { databaseUrl: undefined, mongodbUrl: undefined, databasePoolSize: 10 },
      keys: { recoveryKey: undefined, previousRecoveryKeys: [] },
      codes: { perBatch: 10, groups: 6, groupLength: 6, maxExpiryDays: 365, lowThreshold: 3, copyTtlSeconds: 1800 },
      limits: {
        cooldownBaseSeconds: 60,
        cooldownMultiplier: 2,
        cooldownCutoffSeconds: 3600,
        maxAttempts: 5,
        accountPasswordCeiling: 100,
        addressFailuresPerHour: 100,
      },
      history: { maxVisible: 20, pageSize: 10 },
      export: { format: 'TXT', fileName: 'recovery_codes' },
      purge: {
        retentionDays: 90,
        batchSize: 500,
        pauseMs: 0,
        maxDeletionsPerRun: -1,
        useLogger: false,
        auditAutoCleanup: false,
        auditRetentionDays: 30,
        emailLogRetentionDays: 90,
        reportRetentionDays: 365,
        batchHistoryRetentionDays: undefined,
        evidenceMinDays: 7,
        staleAccountDays: 90,
        staleEmailChangeDays: 7,
      },
      mail: {
        smtpUrl: undefined,
        from: 'no-reply@localhost',
        mode: 'inline',
        adminEmail: 'admin@localhost',
        adminName: 'Admin',
        adminPassword: undefined,
        emailCopyEnabled: true,
        emailSuccessMessage: 'Your recovery codes email has been successfully delivered.',
        storeEmailLog: false,
      },
      accounts: {
        registrationOpen: true,
        recoverySignIn: 'ALONE',
        minPasswordLength: 15,
        passwordResetTtlSeconds: 3600,
        emailChangeTtlSeconds: 86400,
        staleReminderDays: 7,
        stepUpSeconds: 600,
        refreshGraceSeconds: 10,
        accessTokenTtlSeconds: 900,
        refreshTokenTtlSeconds: 2592000,
        keyRotationTtlSeconds: 172800,
        keyRotationIntervalDays: 90,
        emailVerificationTtlSeconds: 86400,
        maxSubscriptionsPerSocket: 100,
        maxSocketsPerAccount: 20,
        afterSignOutUrl: '/',
      },
      issuers: { jwksMaxStaleDays: 7, allowLoopback: false },
    });
  });

  it('names the data folder absolutely', () => {
    expect(isAbsolute(config?.server.dataDir ?? '')).toBe(true);
  });
});

describe('the shape of the configuration', () => {
  it('is frozen throughout', () => {
    const { config } = loadConfig({ CORS_ORIGINS: 'https://a.example', RECOVERY_KEY: generateKey() });
    const groups = Object.values(config ?? {});
    expect([config, ...groups, config?.server.corsOrigins].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('takes an empty variable for an absent one, whatever the setting', () => {
    const names = allSettings.flatMap(({ setting }) => [setting.name, `${setting.name}_FILE`]);
    const loaded = loadConfig(Object.fromEntries(names.map((name) => [name, ''])));
    expect(loaded).toEqual(loadConfig({}));
  });

  it('ignores variables that it does not know', () => {
    expect(loadConfig({ HOME: '/root', CODES_PER_BACTH: 'x', PORT_FILE: '/x' }).problems).toEqual([]);
  });

  it('names each setting and each place once', () => {
    const names = allSettings.map(({ setting }) => setting.name);
    const places = allSettings.map(({ group, key }) => `${group}.${key}`);
    expect([new Set(names).size, new Set(places).size]).toEqual([names.length, names.length]);
  });

  it('leaves the public URL open where a free port is yet to be picked', () => {
    expect(loadConfig({ PORT: '0' }).config?.server.publicUrl).toBeUndefined();
  });

  it.each([
    ['127.0.0.1', 'http://127.0.0.1:4000'],
    ['localhost', 'http://localhost:4000'],
    ['::1', 'http://[::1]:4000'],
  ])('derives the public URL from HOST %s', (HOST, publicUrl) => {
    expect(loadConfig({ HOST }).config?.server.publicUrl).toBe(publicUrl);
  });
});

describe('problems', () => {
  it('are all told at once, errors first and then in the order of the documentation', () => {
    const { config, problems } = loadConfig({
      PORT: 'x',
      MAX_ATTEMPTS: '500',
      CODES_PER_BATCH: '51',
      HISTORY_PAGE_SIZE: '30',
      REGISTRATION_OPEN: '1',
      MIN_PASSWORD_LENGTH: '8',
    });
    expect(config).toBeUndefined();
    expect(problems.map(({ id, setting, severity }) => [id, setting, severity])).toEqual([
      ['E001', 'PORT', 'ERROR'],
      ['E002', 'CODES_PER_BATCH', 'ERROR'],
      ['E020', 'HISTORY_PAGE_SIZE', 'ERROR'],
      ['E003', 'REGISTRATION_OPEN', 'ERROR'],
      ['W005', 'MAX_ATTEMPTS', 'WARNING'],
      ['W004', 'MIN_PASSWORD_LENGTH', 'WARNING'],
    ]);
  });

  it('carry a message and a hint each', () => {
    const { problems } = loadConfig({ PORT: 'x', NODE_ENV: 'production' });
    expect(problems.length).toBeGreaterThan(5);
    for (const { message, hint } of problems) expect([message, hint]).toEqual([expect.any(String), expect.any(String)]);
  });

  it('that are warnings only leave the configuration usable', () => {
    const { config, problems } = loadConfig({ MAX_ATTEMPTS: '101' });
    expect([config?.limits.maxAttempts, problems.length]).toEqual([101, 1]);
  });
});

describe('a value in a file', () => {
  const key = generateKey();
  const files: Record<string, string> = {
    '/run/key': `${key}\n`,
    '/run/database': 'postgres://app:pass@db/app\r\n',
    '/run/smtp': 'smtps://mail.example.com',
    '/run/empty': ' \n',
  };
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return text;
  };

  it('is read for each setting that has the variant, without the line end', () => {
    const env = { RECOVERY_KEY_FILE: '/run/key', DATABASE_URL_FILE: '/run/database', SMTP_URL_FILE: '/run/smtp' };
    const { config, problems } = loadConfig(env, readFile);
    expect(problems).toEqual([]);
    expect(config?.keys.recoveryKey?.toString('base64url')).toBe(key);
    expect(config?.stores.databaseUrl).toBe('postgres://app:pass@db/app');
    expect(config?.mail.smtpUrl).toBe('smtps://mail.example.com');
  });

  it.each(['RECOVERY_KEY', 'DATABASE_URL', 'SMTP_URL'])('for %s may not stand beside the value itself', (name) => {
    const { problems } = loadConfig({ [name]: 'x', [`${name}_FILE`]: '/run/key' }, readFile);
    expect(problems).toEqual([expect.objectContaining({ id: 'E011', setting: name, severity: 'ERROR' })]);
  });

  it.each([
    ['/run/none', 'ENOENT'],
    ['/run/empty', 'empty'],
  ])('is an error where the file %s cannot serve', (path, reason) => {
    const { problems } = loadConfig({ RECOVERY_KEY_FILE: path }, readFile);
    expect(problems).toEqual([
      expect.objectContaining({ id: 'E012', setting: 'RECOVERY_KEY_FILE', message: expect.stringContaining(reason) }),
    ]);
  });

  it('is refused by the same rules as a variable', () => {
    const { problems } = loadConfig({ DATABASE_URL_FILE: '/run/smtp' }, readFile);
    expect(problems).toEqual([expect.objectContaining({ id: 'E006', setting: 'DATABASE_URL' })]);
  });

  it('cannot be read unless the caller says how', () => {
    const { problems } = loadConfig({ RECOVERY_KEY_FILE: '/etc/hostname' });
    expect(problems).toEqual([expect.objectContaining({ id: 'E012', message: expect.stringContaining('ENOTSUP') })]);
  });
});
