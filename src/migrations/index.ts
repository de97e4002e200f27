import type { MigrationObject } from '@mikro-orm/core';
import { InitialMigration } from './20261122-initial/migration.js';
import { CleanupMigration } from './20261124-cleanup/migration.js';
import { CopiesMigration } from './20261125-copies/migration.js';
import { AccountsMigration } from './20261126-accounts/migration.js';

/** In the order in which they are applied. A released migration never changes. */
export const migrations: MigrationObject[] = [
  { name: '20261122-initial', class: InitialMigration },
  { name: '20261124-cleanup', class: CleanupMigration },
  { name: '20261125-copies', class: CopiesMigration },
  { name: '20261126-accounts', class: AccountsMigration },
];
