import { Command } from 'commander';
import { migrate } from '../database/migrate.js';
import { withStores } from './with-stores.js';

export const migrateCommand = new Command('migrate')
  .description('Bring the database up to date. A start does so too; processes wait for one another.')
  .action(async () => {
    const applied = await withStores((stores) => migrate(stores.connection.orm, stores.databaseUrl));
    console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
  });
