import { Migration } from '@mikro-orm/migrations';

export class CopiesMigration extends Migration {
  override up(): void {
    for (const statement of [...codeMails, ...readingOrder]) this.addSql(statement);
  }
}

const codeMails: readonly string[] = [
  `create table code_mails (batch_id uuid not null, id uuid not null, session_id uuid not null, held_until timestamptz not null, attempt_until timestamptz null, primary key (batch_id))`,
  `create index code_mails_held_until_index on code_mails (held_until)`,
  `alter table code_mails add constraint code_mails_batch_id_foreign foreign key (batch_id) references recovery_code_batches (id) on update cascade on delete cascade`,
];

/** What makes a page of accounts or of the audit, and what expires soon, a range scan. */
const readingOrder: readonly string[] = [
  `create index audit_events_action_index on audit_events (action, created_at, id)`,
  `create index audit_events_batch_id_index on audit_events (batch_id, created_at, id) where batch_id is not null`,
  `create index accounts_search_index on accounts (coalesce(email_key, lower(external_id)) text_pattern_ops, id)`,
  `create index recovery_code_batches_expires_at_index on recovery_code_batches (expires_at, id) where status = 'ACTIVE' and expires_at is not null`,
];
