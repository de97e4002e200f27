import { Migration } from '@mikro-orm/migrations';
import { auditTrigger } from './audit-trigger.js';
import { clockFunction } from './clock-function.js';
import { limitFunctions } from './limit-functions.js';
import { initialConstraints, initialTables } from './tables.js';

export class InitialMigration extends Migration {
  override up(): void {
    for (const statement of [
      clockFunction,
      ...initialTables,
      ...initialConstraints,
      ...limitFunctions,
      ...auditTrigger,
    ]) {
      this.addSql(statement);
    }
  }
}
