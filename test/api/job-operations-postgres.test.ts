import { describe } from '@jest/globals';
import { jobOperationSuite } from '../support/job-operation-suite.js';
import { openPostgresStores } from '../support/job-stores.js';

describe('runs and jobs in PostgreSQL', () => {
  jobOperationSuite(openPostgresStores);
});
