import type { GraphQLObjectType } from 'graphql';
import { fieldAccess } from './access-table.js';
import type { TestDatabase } from './database.js';
import type { Asker } from './scene.js';
import { type Field, objectTypeOf } from './schema-walk.js';

type Row = Readonly<Record<string, unknown>>;

interface Visit {
  readonly type: GraphQLObjectType;
  readonly path: string;
  readonly object: Row;
}

interface Reading {
  readonly reader: Pick<Asker, 'accountId' | 'sessionId' | 'isActingAdmin'>;
  readonly rows: ReadonlyMap<string, Row>;
}

/** The tables behind the types that have an identity, and whose their rows are. */
const TABLES: Readonly<Record<string, string>> = {
  Account: 'select t.*, t.id as whose from accounts t',
  Session: 'select t.*, t.account_id as whose from sessions t',
  RecoveryCodeBatch: `select t.*, t.account_id as whose,
    (select count(*)::int from recovery_codes where batch_id = t.id) as code_rows from recovery_code_batches t`,
  RecoveryCode: `select t.*, b.account_id as whose from recovery_codes t join recovery_code_batches b on b.id = t.batch_id`,
  AuditEvent: `select t.*, t.account_id as whose, (select id from accounts where id = t.actor_id) as actor,
    (select id from accounts where id = t.account_id) as account from audit_events t`,
};

/** Computed from more than the column of their name. */
const COMPUTED = new Set(['status']);

/** Reads answers against the database and the table of who may read what, and remembers which fields it met. */
export class AnswerCheck {
  /** `Type.field`, each as often as it was met. */
  readonly met = new Map<string, number>();
  /** Accounts that were hidden from, or shown to, a reader by a `hidden` field. */
  readonly hidden = { from: 0, shown: 0 };

  constructor(private readonly database: TestDatabase) {}

  /** What is wrong with the value of one operation's field, as this reader got it; empty when all is well. */
  async problems(operation: Field, value: unknown, reader: Reading['reader']): Promise<string[]> {
    const visits = visitsOf(operation, value, operation.name);
    const rows = await this.#rowsOf(visits);
    return visits.flatMap((visit) => this.#problemsOf(visit, { reader, rows }));
  }

  async #rowsOf(visits: readonly Visit[]): Promise<Map<string, Row>> {
    const found = new Map<string, Row>();
    for (const [type, query] of Object.entries(TABLES)) {
      const ids = visits.filter((visit) => visit.type.name === type).map(({ object }) => object['id']);
      for (const row of await this.database.rows<Row>(`${query} where t.id = any($1)`, [ids])) {
        found.set(`${type}/${String(row['id'])}`, row);
      }
    }
    return found;
  }

  #problemsOf({ type, path, object }: Visit, { reader, rows }: Reading): string[] {
    const row = rows.get(`${type.name}/${String(object['id'])}`);
    if (type.name in TABLES && row === undefined) return [`${path} is no row of the database`];
    const isReaders = row === undefined || row['whose'] === reader.accountId || reader.isActingAdmin;
    const problems = isReaders ? [] : [`${path} is another's`];
    for (const [name, value] of Object.entries(object)) {
      const field = `${type.name}.${name}`;
      this.met.set(field, (this.met.get(field) ?? 0) + 1);
      const wanted = this.#wanted(field, { object, row: row ?? {}, reader });
      if (wanted !== undefined && !isSame(wanted.value, value)) problems.push(`${path}.${name} is not as it should be`);
    }
    return problems;
  }

  /** What a field has to say, where that is known. */
  #wanted(
    field: string,
    { object, row, reader }: { object: Row; row: Row; reader: Reading['reader'] },
  ): { readonly value: unknown } | undefined {
    const [type = '', name = ''] = field.split('.');
    switch (fieldAccess(field)) {
      case 'current':
        return { value: object['id'] === reader.sessionId };
      case 'hidden': {
        const whom = row[snakeCase(name)] as string | null;
        const isShown = whom !== null && (whom === reader.accountId || reader.isActingAdmin);
        if (whom !== null) this.hidden[isShown ? 'shown' : 'from'] += 1;
        return { value: isShown ? { id: whom } : null };
      }
      case 'veiled': {
        const actor = row['actor_id'] as string | null;
        const isShown = actor === null || actor === reader.accountId || reader.isActingAdmin;
        return { value: isShown ? row[snakeCase(name)] : null };
      }
      default:
        return field === 'RecoveryCodeBatch.codes' ? { value: { length: row['code_rows'] } } : known(type, name, row);
    }
  }

  /** Every `Type.field` of these types that was never met. */
  unmet(types: readonly GraphQLObjectType[]): string[] {
    const all = types.flatMap((type) => Object.keys(type.getFields()).map((name) => `${type.name}.${name}`));
    return all.filter((field) => !this.met.has(field));
  }
}

function known(type: string, name: string, row: Row): { readonly value: unknown } | undefined {
  if (type === 'RecoveryCodeBatch' && name === 'account') return { value: { id: row['account_id'] } };
  const column = row[snakeCase(name)];
  return column === undefined || COMPUTED.has(name) ? undefined : { value: column };
}

/** Objects by what is wanted of them only, dates as they are printed. */
function isSame(wanted: unknown, value: unknown): boolean {
  if (wanted instanceof Date) return wanted.toISOString() === value;
  if (typeof wanted !== 'object' || wanted === null) return wanted === value;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(wanted).every(([key, each]) => isSame(each, (value as Row)[key]));
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Every object in a value, with its type and path. */
function visitsOf(field: Field, value: unknown, path: string): Visit[] {
  const type = objectTypeOf(field);
  if (type === undefined || value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((each, index) => visitsOf(field, each, `${path}[${index}]`));
  const object = value as Row;
  const below = Object.entries(object).flatMap(([name, each]) =>
    visitsOf(type.getFields()[name] as Field, each, `${path}.${name}`),
  );
  return [{ type, path, object }, ...below];
}
