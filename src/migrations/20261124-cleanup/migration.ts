import { Migration } from '@mikro-orm/migrations';
import { jobTables } from './jobs.js';
import { purgeOrder } from './purge-order.js';
import { reportTables } from './reports.js';

export class CleanupMigration extends Migration {
  override up(): void {
    for (const statement of [...reportTables, ...purgeOrder, ...jobTables]) this.addSql(statement);
  }
}
