import { Migration } from '@mikro-orm/migrations';

export class AccountsMigration extends Migration {
  override up(): void {
    for (const statement of [...emailChanges, ...issuers, ...serviceKeys]) this.addSql(statement);
  }
}

const emailChanges: readonly string[] = [
  `create table email_change_requests (id uuid not null, account_id uuid not null, new_email text not null, new_email_key text not null, created_at timestamptz not null default sparekey_now(), expires_at timestamptz not null, confirmed_by_current_at timestamptz null, confirmed_by_new_at timestamptz null, completed_at timestamptz null, primary key (id))`,
  `create index email_change_requests_created_at_index on email_change_requests (created_at, id)`,
  `create index email_change_requests_completed_at_index on email_change_requests (completed_at, id) where completed_at is not null`,
  `alter table email_change_requests add constraint email_change_requests_account_id_unique unique (account_id)`,
  `alter table email_change_requests add constraint email_change_requests_complete_by_both check (completed_at is null or (confirmed_by_current_at is not null and confirmed_by_new_at is not null))`,
  `alter table email_change_requests add constraint email_change_requests_account_id_foreign foreign key (account_id) references accounts (id) on delete cascade`,
];

const issuers: readonly string[] = [
  `create table oidc_clients (id uuid not null, name text not null, issuer text not null, audience text not null, jwks_uri text not null, is_discovered boolean not null, accept_id_tokens boolean not null, is_enabled boolean not null, created_at timestamptz not null default sparekey_now(), updated_at timestamptz not null default sparekey_now(), jwks jsonb null, keys_fetched_at timestamptz null, fetch_tried_at timestamptz null, last_error text null, primary key (id))`,
  `alter table oidc_clients add constraint oidc_clients_issuer_unique unique (issuer)`,
  `alter table oidc_clients add constraint oidc_clients_name_unique unique (name)`,
  `create table federated_cutoffs (origin text not null, external_id text not null, not_before timestamptz not null, primary key (origin, external_id))`,
];

const serviceKeys: readonly string[] = [
  `create table service_keys (id uuid not null, name text not null, realm text not null, operations text[] not null, key_hash bytea not null, created_at timestamptz not null default sparekey_now(), created_by uuid null, last_used_at timestamptz null, expires_at timestamptz null, revoked_at timestamptz null, primary key (id))`,
  `create index service_keys_created_at_index on service_keys (created_at, id)`,
  `alter table service_keys add constraint service_keys_key_hash_unique unique (key_hash)`,
  `alter table service_keys add constraint service_keys_key_hash_length check (octet_length(key_hash) = 32)`,
  `alter table service_keys add constraint service_keys_operations_known check (operations <@ array['ISSUE', 'VERIFY', 'READ'] and cardinality(operations) > 0)`,
];
