import { randomBytes, randomUUID } from 'node:crypto';
import type { TaskName } from '../../src/domain/cleanup/registry.js';
import type { TestDatabase } from './database.js';

type Database = Pick<TestDatabase, 'rows'>;

/** A code as a test writes it: its status and the times of its ends, by column, to the microsecond. */
export interface CodeRow {
  readonly status: keyof typeof COUNTED;
  readonly ends?: Readonly<
    Partial<Record<'used_at' | 'invalidated_at' | 'superseded_at' | 'deleted_at' | 'expires_at', string>>
  >;
}

const COUNTED = {
  ACTIVE: undefined,
  USED: 'used_count',
  INVALIDATED: 'invalidated_count',
  PENDING_DELETION: 'removed_count',
  SUPERSEDED: 'lapsed_count',
  EXPIRED: 'lapsed_count',
} as const;

/** Writes a row; values may be text of any type. */
export async function insertRow(
  { rows }: Database,
  table: string,
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const names = Object.keys(values);
  const places = names.map((_, index) => `$${index + 1}`);
  await rows(`insert into ${table} (${names.join()}) values (${places.join()})`, Object.values(values));
}

interface BatchWish {
  readonly accountId?: string;
  /** Of a batch none of whose codes is active. */
  readonly status?: string;
  readonly expiresAt?: string;
  readonly codes: readonly CodeRow[];
}

/** Writes a batch with these codes and the counts that they make. Returns its id. */
export async function makeBatch(database: Database, { accountId, status, expiresAt, codes }: BatchWish) {
  const id = randomUUID();
  const counts: Record<string, number> = {};
  for (const { status: of } of codes) {
    const column = COUNTED[of];
    if (column !== undefined) counts[column] = (counts[column] ?? 0) + 1;
  }
  const isActive = codes.some((code) => code.status === 'ACTIVE');
  await insertRow(database, 'recovery_code_batches', {
    id,
    account_id: accountId ?? null,
    number: 1,
    status: isActive ? 'ACTIVE' : (status ?? 'SUPERSEDED'),
    expires_at: expiresAt ?? null,
    issued_count: codes.length,
    ...counts,
    salt: randomBytes(16),
    pepper_key_id: 'none',
    hash_memory_kib: 1024,
    hash_passes: 1,
  });
  const rows = codes.map(({ status: of, ends }) => ({ id: randomUUID(), status: of, expires_at: expiresAt, ...ends }));
  await database.rows(
    `insert into recovery_codes
       (id, batch_id, position, hash, status, used_at, invalidated_at, superseded_at, deleted_at, expires_at)
     select id, $1, n, sha256(id::text::bytea), status, used_at, invalidated_at, superseded_at, deleted_at, expires_at
     from rows from (jsonb_to_recordset($2) as (id uuid, status text, used_at timestamptz, invalidated_at timestamptz,
       superseded_at timestamptz, deleted_at timestamptz, expires_at timestamptz)) with ordinality
       as code(id, status, used_at, invalidated_at, superseded_at, deleted_at, expires_at, n)`,
    [id, JSON.stringify(rows)],
  );
  return id;
}

/** So many batches that were superseded, each of one account of its own; every code one second younger than the one before. */
export async function makeOldBatches(database: Database, batches: number, codesEach: number): Promise<void> {
  await database.rows(
    `with batch as (
       insert into recovery_code_batches (id, number, status, issued_count, lapsed_count, salt, pepper_key_id,
         hash_memory_kib, hash_passes)
       select gen_random_uuid(), n, 'SUPERSEDED', $2, $2, substr(sha256('salt'), 1, 16), 'none', 1024, 1
       from generate_series(1, $1::int) n returning id, number
     )
     insert into recovery_codes (id, batch_id, position, hash, status, superseded_at)
     select gen_random_uuid(), batch.id, position, sha256((batch.id::text || position)::bytea), 'SUPERSEDED',
       timestamptz '2020-01-01 00:00:00Z' + make_interval(secs => (batch.number - 1) * $2 + position)
     from batch, generate_series(1, $2::int) position`,
    [batches, codesEach],
  );
}

/** One kind of row of one task: how to write one whose time is the given one, and how to find those that are there. */
export interface PurgeableRow {
  readonly task: TaskName;
  readonly what: string;
  readonly table: string;
  /** What names a row of the table, in SQL. */
  readonly key: string;
  /** What it is counted as. */
  readonly kind: string;
  /** Returns what names the row. */
  make(at: string): Promise<string>;
}

/** Every kind of row that a task removes. */
export function purgeableRows(database: Database): readonly PurgeableRow[] {
  const make = makers(database);
  return [
    ...codeRows(database),
    ...rowsOf('BATCH_HISTORY', 'recovery_code_batches', {
      'a PURGED batch': async (at) => {
        const id = await makeBatch(database, { codes: [] });
        await database.rows(`update recovery_code_batches set status = 'PURGED', purged_at = $2 where id = $1`, [
          id,
          at,
        ]);
        return id;
      },
    }),
    ...rowsOf('AUDIT_EVENTS', 'audit_events', { 'an event': make.auditEvent }),
    ...rowsOf('EMAIL_LOG', 'email_log', { 'a mail': make.emailLog }),
    ...rowsOf('PURGE_REPORTS', 'purge_reports', { 'a report': make.report }),
    ...rowsOf('UNVERIFIED_ACCOUNTS', 'accounts', { 'an account': (at) => make.account({ created_at: at }) }),
    ...rowsOf(
      'EMAIL_CHANGE_REQUESTS',
      'email_change_requests',
      { 'a change of address that was not completed': (at) => make.emailChange({ created_at: at }) },
      'stale',
    ),
    ...['EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE'].flatMap((purpose) =>
      rowsOf(
        'VERIFICATION_TOKENS',
        'verification_tokens',
        {
          [`an expired token, ${purpose}`]: (at) => make.token({ purpose, expires_at: at }),
          [`a used token, ${purpose}`]: (at) => make.token({ purpose, used_at: at }),
        },
        purpose,
      ),
    ),
    ...rowsOf('SESSIONS', 'refresh_tokens', { 'a refresh token': make.refreshToken }, 'refreshTokens'),
    ...rowsOf('SESSIONS', 'sessions', { 'a session': (at) => make.session({ expires_at: at }) }, 'sessions'),
    ...rowsOf('SIGNING_KEYS', '(select kid as id from signing_keys where not is_current) former', {
      'a former signing key': make.signingKey,
    }),
    { ...rowsOf('COPIES', 'code_copies', { 'a copy': make.copy })[0]!, key: 'batch_id::text' },
    ...limiterRows(make.limiterRow),
    ...rowsOf('OUTBOX', 'outbox', {
      'a delivered message': (at) => make.message({ delivered_at: at }),
      'a message that was given up': (at) => make.message({ failed_at: at }),
    }),
    ...rowsOf('JOBS', 'agenda_jobs', { 'a finished job': (at) => make.job({ last_finished_at: at }) }),
  ];
}

type Make = (at: string) => Promise<string>;

function rowsOf(task: TaskName, table: string, makes: Record<string, Make>, kind = 'rows'): PurgeableRow[] {
  return Object.entries(makes).map(([what, make]) => ({ task, what, table, key: 'id::text', kind, make }));
}

function limiterRows(make: (values: Readonly<Record<string, unknown>>) => Promise<string>): PurgeableRow[] {
  const long = '2000-01-01T00:00:00Z';
  return rowsOf('RATE_LIMITS', 'rate_limits', {
    'an idle row': (at) => make({ updated_at: at }),
    'a row idle for long, whose block ended': (at) => make({ updated_at: long, blocked_until: at }),
    'a row whose block ended long ago': (at) => make({ updated_at: at, blocked_until: long }),
  }).map((row) => ({ ...row, key: `encode(key, 'hex')` }));
}

function codeRows(database: Database): PurgeableRow[] {
  const ends = {
    'a used code': (at) => ({ status: 'USED', ends: { used_at: at } }),
    'an invalidated code': (at) => ({ status: 'INVALIDATED', ends: { invalidated_at: at } }),
    'a superseded code': (at) => ({ status: 'SUPERSEDED', ends: { superseded_at: at } }),
    'a deleted code': (at) => ({ status: 'PENDING_DELETION', ends: { deleted_at: at } }),
    'an expired code, stored so': (at) => ({ status: 'EXPIRED', ends: { expires_at: at } }),
    'an expired code, stored as active': (at) => ({ status: 'ACTIVE', ends: { expires_at: at } }),
    'a code that expired before it was deleted': (at) => ({
      status: 'EXPIRED',
      ends: { expires_at: at, deleted_at: '2100-01-01T00:00:00Z' },
    }),
  } satisfies Record<string, (at: string) => CodeRow>;
  return Object.entries(ends).map(([what, codeOf]) => ({
    task: 'RECOVERY_CODES',
    what,
    table: 'recovery_codes',
    key: 'batch_id::text',
    kind: 'codes',
    make: (at) => {
      const code: CodeRow = codeOf(at);
      const expiresAt = code.ends?.expires_at;
      return makeBatch(database, { codes: [code], ...(expiresAt !== undefined && { expiresAt }) });
    },
  }));
}

/** Rows with all that they need beside them. Each returns what names the row. */
export function makers(database: Database) {
  const insert = async (table: string, values: Readonly<Record<string, unknown>>) => {
    const id = randomUUID();
    await insertRow(database, table, { id, ...values });
    return id;
  };
  const account = (values: Readonly<Record<string, unknown>> = {}) => {
    const email = `${randomUUID()}@example.org`;
    return insert('accounts', { email, email_key: email, ...values });
  };
  const verified = () => account({ email_verified_at: '2020-01-01T00:00:00Z' });
  const session = async (values: Readonly<Record<string, unknown>> = {}) =>
    insert('sessions', { account_id: await verified(), method: 'PASSWORD', expires_at: 'infinity', ...values });
  return {
    account,
    verified,
    session,
    auditEvent: (at: string) => insert('audit_events', { action: 'SIGNED_IN', created_at: at }),
    emailLog: (at: string) =>
      insert('email_log', {
        key: randomUUID(),
        template: 'purge-report',
        recipient: 'a@example.org',
        sender: 'b@example.org',
        subject: 'Hello',
        status: 'SENT',
        created_at: at,
      }),
    report: async (at: string) => {
      const [next] = await database.rows<{ cursor: string }>(`select nextval('purge_report_cursors') as cursor`);
      const ended = { status: 'SUCCEEDED', trigger: 'MANUAL', finished_at: at, cursor: next?.cursor };
      return insert('purge_reports', { task: 'OUTBOX', ...ended });
    },
    emailChange: async (values: Readonly<Record<string, unknown>>) => {
      const wanted = { new_email: 'b@example.org', new_email_key: 'b@example.org', expires_at: 'infinity' };
      return insert('email_change_requests', { account_id: await verified(), ...wanted, ...values });
    },
    token: async (values: Readonly<Record<string, unknown>>) =>
      insert('verification_tokens', {
        account_id: await verified(),
        email_key: 'a@example.org',
        token_hash: randomBytes(32),
        expires_at: 'infinity',
        ...values,
      }),
    refreshToken: async (at: string) =>
      insert('refresh_tokens', { session_id: await session(), token_hash: randomBytes(32), expires_at: at }),
    copy: async (at: string) => {
      const batch_id = await makeBatch(database, { codes: [{ status: 'ACTIVE' }] });
      const sealed = { sealed: randomBytes(8), key_id: 'none', expires_at: at };
      await insertRow(database, 'code_copies', { batch_id, session_id: await session(), ...sealed });
      return batch_id;
    },
    signingKey: async (at: string) => {
      const kid = randomUUID();
      const halves = { public_jwk: '{}', sealed_private_jwk: randomBytes(8), key_id: 'none' };
      await insertRow(database, 'signing_keys', {
        kid,
        algorithm: 'EdDSA',
        ...halves,
        is_current: false,
        expires_at: at,
      });
      return kid;
    },
    limiterRow: async (values: Readonly<Record<string, unknown>>) => {
      const key = randomBytes(16);
      await insertRow(database, 'rate_limits', { key, ...values });
      return key.toString('hex');
    },
    message: (values: Readonly<Record<string, unknown>>) => insert('outbox', { topic: 'batch-changed', ...values }),
    job: (values: Readonly<Record<string, unknown>>) => insert('agenda_jobs', { name: 'run-cleanup', ...values }),
  };
}

/** Empties every table that a task removes rows of. */
export async function emptyTables({ rows }: Database): Promise<void> {
  await rows('alter table audit_events disable trigger user');
  await rows(
    'truncate accounts, recovery_codes, recovery_code_batches, purge_reports, rate_limits, outbox, email_log, agenda_jobs, audit_events cascade',
  );
  await rows('delete from signing_keys where not is_current');
  await rows('alter table audit_events enable trigger user');
}
