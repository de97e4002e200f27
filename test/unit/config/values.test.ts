import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/load-config.js';
import { allSettings } from '../../../src/config/settings.js';

/** The parsed value of one setting, or the id of what is wrong with it. */
function valueOf(name: string, text: string): unknown {
  const placed = allSettings.find(({ setting }) => setting.name === name);
  if (placed === undefined) throw new Error(`There is no setting ${name}.`);
  const result = placed.setting.schema.safeParse(text);
  if (result.success) return result.data;
  const { problems } = loadConfig({ [name]: text });
  return problems.find(({ setting, severity }) => setting === name && severity === 'ERROR')?.id;
}

const integers: readonly (readonly [string, number, number])[] = [
  ['PORT', 0, 65535],
  ['DATABASE_POOL_SIZE', 2, 500],
  ['CODES_PER_BATCH', 1, 50],
  ['CODE_GROUPS', 1, 16],
  ['CODE_GROUP_LENGTH', 1, 16],
  ['MAX_EXPIRY_DAYS', 1, 36500],
  ['LOW_CODES_THRESHOLD', 0, 49],
  ['COPY_TTL_SECONDS', 1, 3600],
  ['COOLDOWN_BASE_SECONDS', 1, 86400],
  ['COOLDOWN_MULTIPLIER', 1, 10],
  ['COOLDOWN_CUTOFF_SECONDS', 1, 86400],
  ['MAX_ATTEMPTS', 1, 1000],
  ['ACCOUNT_PASSWORD_CEILING', 1, 100000],
  ['ADDRESS_FAILURES_PER_HOUR', 1, 1000000],
  ['HISTORY_MAX_VISIBLE', 1, 10000],
  ['HISTORY_PAGE_SIZE', 1, 100],
  ['PURGE_RETENTION_DAYS', 1, 36500],
  ['PURGE_BATCH_SIZE', 1, 10000],
  ['PURGE_PAUSE_MS', 0, 60000],
  ['AUDIT_RETENTION_DAYS', 1, 36500],
  ['EMAIL_LOG_RETENTION_DAYS', 1, 36500],
  ['PURGE_REPORT_RETENTION_DAYS', 1, 36500],
  ['BATCH_HISTORY_RETENTION_DAYS', 1, 36500],
  ['EVIDENCE_MIN_DAYS', 1, 36500],
  ['STALE_ACCOUNT_DAYS', 1, 36500],
  ['STALE_EMAIL_CHANGE_DAYS', 1, 36500],
  ['STALE_REMINDER_DAYS', 1, 36500],
  ['MAX_SUBSCRIPTIONS_PER_SOCKET', 1, 10000],
  ['MAX_SOCKETS_PER_ACCOUNT', 1, 100000],
  ['MIN_PASSWORD_LENGTH', 8, 256],
  ['STEP_UP_SECONDS', 0, 86400],
  ['REFRESH_GRACE_SECONDS', 0, 300],
  ['ACCESS_TOKEN_TTL_SECONDS', 1, 86400],
  ['REFRESH_TOKEN_TTL_SECONDS', 1, 31536000],
  ['KEY_ROTATION_TTL_SECONDS', 1, 31536000],
  ['KEY_ROTATION_INTERVAL_DAYS', 1, 36500],
  ['EMAIL_VERIFICATION_TTL_SECONDS', 60, 2592000],
  ['PASSWORD_RESET_TTL_SECONDS', 60, 86400],
  ['EMAIL_CHANGE_TTL_SECONDS', 60, 2592000],
  ['JWKS_MAX_STALE_DAYS', 1, 365],
];

describe('whole numbers', () => {
  it.each(integers)('%s runs from %d to %d', (name, min, max) => {
    const tried = [min, max, min - 1, max + 1].map((value) => valueOf(name, String(value)));
    expect(tried).toEqual([min, max, 'E002', 'E002']);
  });

  it('are listed here without exception', () => {
    const ranged = allSettings.filter(({ setting }) => /^\d+–\d+$/.test(setting.range));
    expect(ranged.map(({ setting }) => setting.name).toSorted()).toEqual(integers.map(([name]) => name).toSorted());
  });

  it.each([
    'true',
    'false',
    '1e3',
    '0x10',
    '0b11',
    ' 5',
    '5 ',
    '5\n',
    ' ',
    '+5',
    '05',
    '-0',
    '5.0',
    '5,0',
    '1_000',
    '5n',
    'NaN',
    'Infinity',
    'null',
    '٥',
  ])('are not written %j', (text) => {
    expect(valueOf('PORT', text)).toBe('E001');
  });

  it.each(['-1', '1000000000000000000000', '9'.repeat(400)])('may be far out of range: %s', (text) => {
    expect(valueOf('PORT', text)).toBe('E002');
  });

  it('take any number within their range as it is usually written', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 65535 }), (port) => valueOf('PORT', String(port)) === port));
  });

  it('take no text but plain digits', () => {
    const others = fc.string().filter((text) => !/^(0|-?[1-9][0-9]*)$/.test(text) && text !== '');
    fc.assert(fc.property(others, (text) => valueOf('PORT', text) === 'E001'));
  });
});

describe('the most that a run may remove', () => {
  it.each([
    ['-1', -1],
    ['1', 1],
    ['2147483647', 2147483647],
    ['0', 'E002'],
    ['-2', 'E002'],
    ['2147483648', 'E002'],
    ['all', 'E002'],
    ['1.5', 'E002'],
  ])('%s', (text, value) => {
    expect(valueOf('PURGE_MAX_DELETIONS_PER_RUN', text)).toBe(value);
  });
});

describe('switches', () => {
  it.each([
    'REGISTRATION_OPEN',
    'EMAIL_COPY_ENABLED',
    'PURGE_USE_LOGGER',
    'AUDIT_AUTO_CLEANUP',
    'STORE_EMAIL_LOG',
    'OIDC_ALLOW_LOOPBACK',
  ])('%s is true or false', (name) => {
    expect(['true', 'false'].map((text) => valueOf(name, text))).toEqual([true, false]);
  });

  it.each(['1', '0', 'TRUE', 'True', 'yes', 'no', 'on', 'off', ' true', 'null'])('are not written %j', (text) => {
    expect(valueOf('REGISTRATION_OPEN', text)).toBe('E003');
  });
});

describe('choices', () => {
  it.each([
    ['ROLE', { all: 'all', api: 'api', worker: 'worker' }],
    ['MAIL_MODE', { queued: 'queued', inline: 'inline' }],
    ['RECOVERY_SIGN_IN', { alone: 'ALONE', 'with-password': 'WITH_PASSWORD', off: 'OFF' }],
    ['EXPORT_FORMAT', { txt: 'TXT', csv: 'CSV', pdf: 'PDF', json: 'JSON' }],
    ['LOG_LEVEL', { fatal: 'fatal', error: 'error', warn: 'warn', info: 'info', debug: 'debug', trace: 'trace' }],
  ])('%s takes its names only', (name, choices) => {
    for (const [text, value] of Object.entries(choices)) expect(valueOf(name, text)).toBe(value);
    const wrong = ['none', 'ALL', 'Off', ' all', 'constructor', '__proto__', '1'];
    expect(wrong.map((text) => valueOf(name, text))).toEqual(wrong.map(() => 'E004'));
  });
});

describe('accepted texts', () => {
  it.each([
    ['HOST', '0.0.0.0', '0.0.0.0'],
    ['HOST', '::', '::'],
    ['HOST', 'my-host.internal', 'my-host.internal'],
    ['PUBLIC_URL', 'https://codes.example.com', 'https://codes.example.com'],
    ['PUBLIC_URL', 'https://Codes.Example.com:443/', 'https://codes.example.com'],
    ['PUBLIC_URL', 'http://[::1]:8080', 'http://[::1]:8080'],
    ['MONGODB_URL', 'mongodb://a:27017,b:27017/jobs?replicaSet=r', 'mongodb://a:27017,b:27017/jobs?replicaSet=r'],
    ['MONGODB_URL', 'mongodb+srv://user:p%40ss@jobs.example.com', 'mongodb+srv://user:p%40ss@jobs.example.com'],
    ['CORS_ORIGINS', 'https://a.example, http://localhost:5173,', ['https://a.example', 'http://localhost:5173']],
    ['CORS_ORIGINS', ',', []],
    ['TRUST_PROXY', '10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ['TRUST_PROXY', '192.168.1.1,::1', ['192.168.1.1/32', '::1/128']],
    ['METRICS_TOKEN', 'x'.repeat(16), 'x'.repeat(16)],
    ['METRICS_TOKEN', 'x'.repeat(512), 'x'.repeat(512)],
    ['SITE_NAME', 'Käsekästchen & Söhne 🔑', 'Käsekästchen & Söhne 🔑'],
    ['SITE_NAME', '🔑'.repeat(64), '🔑'.repeat(64)],
    ['DATA_DIR', '/var/lib/sparekey', '/var/lib/sparekey'],
    ['DATABASE_URL', 'postgres://u:p@db:5432/app?sslmode=require', 'postgres://u:p@db:5432/app?sslmode=require'],
    ['DATABASE_URL', 'postgresql:///app?host=/var/run/postgresql', 'postgresql:///app?host=/var/run/postgresql'],
    ['SMTP_URL', 'smtps://u:p@mail.example.com:465', 'smtps://u:p@mail.example.com:465'],
    ['SMTP_URL', 'smtp://localhost:1025', 'smtp://localhost:1025'],
    ['MAIL_FROM', 'codes@example.com', 'codes@example.com'],
    ['MAIL_FROM', 'Example Codes <codes@example.com>', 'Example Codes <codes@example.com>'],
    ['MAIL_FROM', '"Codes, Example" <codes@example.com>', '"Codes, Example" <codes@example.com>'],
    ['MAIL_FROM', 'Käse <codes@example.com>', 'Käse <codes@example.com>'],
    ['ADMIN_EMAIL', 'first.last+tag@mail.example.co', 'first.last+tag@mail.example.co'],
    ['EXPORT_FILE_NAME', 'my-codes_2.0', 'my-codes_2.0'],
    ['AFTER_SIGN_OUT_URL', '/goodbye?x=1#y', '/goodbye?x=1#y'],
    ['AFTER_SIGN_OUT_URL', 'https://www.example.com/bye', 'https://www.example.com/bye'],
  ])('%s takes %s', (name, text, value) => {
    expect(valueOf(name, text)).toEqual(value);
  });
});

describe('refused texts', () => {
  it.each([
    ['E005', 'HOST', ['[::1]', 'http://localhost', 'localhost:4000', '256.0.0.1', '127.1', 'a b', '-a', 'a..b', '*']],
    [
      'E006',
      'PUBLIC_URL',
      [
        'codes.example.com',
        'ftp://codes.example.com',
        'https://codes.example.com/path',
        'https://codes.example.com/?',
        'https://codes.example.com#',
        'https://user@codes.example.com',
        'https://user:pass@codes.example.com',
        'https://',
        '*',
      ],
    ],
    [
      'E008',
      'CORS_ORIGINS',
      [
        '*',
        'null',
        'https://*.example.com/',
        'https://a.example/',
        'https://a.example/x',
        'https://A.example',
        'https://a.example:443',
        'a.example',
        'file:///x',
        'https://u:p@a.example',
        'https://a.example,*',
        'https://a.example https://b.example',
      ],
    ],
    [
      'E007',
      'TRUST_PROXY',
      [
        'true',
        'false',
        '1',
        'loopback',
        '10.0.0.0/33',
        '10.0.0.0/',
        '10.0.0.0/08',
        '10.0.0.0/8/8',
        '10.0.0/8',
        'fd00::/129',
        'fe80::1%eth0',
        '0.0.0.0/0',
        '::/0',
        '10.0.0.0/8,true',
      ],
    ],
    ['E005', 'METRICS_TOKEN', ['x'.repeat(15), 'x'.repeat(513), 'x'.repeat(16) + ' ', 'ü'.repeat(20)]],
    ['E005', 'SITE_NAME', ['x'.repeat(65), 'a\nb', 'a\u0000b', 'a\u202Eb', 'a\u2028b']],
    ['E006', 'DATABASE_URL', ['mysql://db/app', 'db', 'host=db user=app', 'http://db']],
    ['E006', 'SMTP_URL', ['mail.example.com', 'http://mail.example.com', 'smtp://', 'direct://x', 'smtp:mail']],
    [
      'E009',
      'MAIL_FROM',
      ['Codes', 'a@b, c@d', 'A, B <a@b.example>', 'x <a@b>\r\nBcc: c@d', '<a@b> <c@d>', `${'a'.repeat(250)}@b.example`],
    ],
    ['E009', 'ADMIN_EMAIL', ['admin', 'a@', '@b', 'a b@c', 'A <a@b>', 'a@b@c', 'a@b..c', 'a@b\n']],
    ['E005', 'ADMIN_NAME', ['x'.repeat(101), 'a\r\nb']],
    ['E005', 'EXPORT_FILE_NAME', ['../x', 'a/b', 'a\\b', '.hidden', 'a b', 'a"b', 'x'.repeat(101)]],
    [
      'E006',
      'AFTER_SIGN_OUT_URL',
      [
        '//evil.example',
        '/\\evil.example',
        '/\t/evil.example',
        'javascript:alert(1)',
        'bye',
        'https://u:p@x.example',
        '/a b',
      ],
    ],
  ])('give %s for %s', (id, name, texts) => {
    expect(texts.map((text) => [text, valueOf(name, text)])).toEqual(texts.map((text) => [text, id]));
  });

  it('in a list are told by their number', () => {
    const { problems } = loadConfig({ TRUST_PROXY: '10.0.0.0/8, nonsense,,::1,nonsense' });
    expect(problems.map(({ message }) => message.split(':')[0])).toEqual(['Entry 2', 'Entry 5']);
  });
});
