import { recoveryKey, recoveryKeys } from '../key.js';
import { databaseUrl, host, mongodbUrl, networks, origins, publicUrl } from '../network-kinds.js';
import { bearerToken, choice, folder, integer, text } from '../plain-kinds.js';
import { setting } from '../setting.js';

const roles = choice({ all: 'all', api: 'api', worker: 'worker' });
const logLevels = choice({
  fatal: 'fatal',
  error: 'error',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
  silent: 'silent',
});

export const serverSettings = {
  server: {
    host: setting('HOST', host, {
      default: '127.0.0.1',
      description: 'Address to listen on; any but a loopback one makes this production.',
    }),
    port: setting('PORT', integer(0, 65535), {
      default: '4000',
      description: 'Port to listen on; 0 picks a free one.',
    }),
    publicUrl: setting('PUBLIC_URL', publicUrl, {
      otherwise: 'http://HOST:PORT outside production',
      description: 'Where clients and the links in mails find the server; required in production.',
    }),
    role: setting('ROLE', roles, { default: 'all', description: 'What this process does: serve, run jobs, or both.' }),
    logLevel: setting('LOG_LEVEL', logLevels, { default: 'info', description: 'The least grave line that is logged.' }),
    corsOrigins: setting('CORS_ORIGINS', origins, {
      default: '',
      description: 'Origins, besides PUBLIC_URL, whose pages may call.',
    }),
    trustProxy: setting('TRUST_PROXY', networks, {
      default: '',
      description: 'Networks of the proxies whose X-Forwarded-For is believed.',
    }),
    metricsToken: setting('METRICS_TOKEN', bearerToken, {
      description: 'Bearer token for /metrics; without one only loopback reads it.',
      isSecret: true,
    }),
    siteName: setting('SITE_NAME', text(1, 64), {
      default: 'Sparekey',
      description: 'What mails and exported files call the site.',
    }),
    dataDir: setting('DATA_DIR', folder, {
      default: '.data',
      description: 'Folder of the embedded database, the generated key and mails kept as files.',
    }),
  },
  stores: {
    databaseUrl: setting('DATABASE_URL', databaseUrl, {
      otherwise: 'embedded PostgreSQL in DATA_DIR',
      description: 'The PostgreSQL database; required in production.',
      isSecret: true,
      hasFileVariant: true,
    }),
    mongodbUrl: setting('MONGODB_URL', mongodbUrl, {
      otherwise: 'jobs in PostgreSQL',
      description: 'The MongoDB database that holds schedules and jobs.',
      isSecret: true,
      hasFileVariant: true,
    }),
    databasePoolSize: setting('DATABASE_POOL_SIZE', integer(2, 500), {
      default: '10',
      description: 'Most database connections of one process.',
    }),
  },
  keys: {
    recoveryKey: setting('RECOVERY_KEY', recoveryKey, {
      otherwise: 'made once in DATA_DIR, outside production',
      description: 'Secret from which all keys are derived; required in production.',
      isSecret: true,
      hasFileVariant: true,
    }),
    previousRecoveryKeys: setting('RECOVERY_KEY_PREVIOUS', recoveryKeys, {
      default: '',
      description: 'Former RECOVERY_KEYs, so that what they protect stays valid.',
      isSecret: true,
    }),
  },
};
