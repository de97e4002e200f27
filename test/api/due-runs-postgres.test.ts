import { describe } from '@jest/globals';
import { dueRunSuite } from '../support/due-run-suite.js';
import { openPostgresStores } from '../support/job-stores.js';

describe('due schedules in PostgreSQL', () => {
  dueRunSuite(openPostgresStores);
});
