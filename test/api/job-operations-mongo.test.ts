import { describe } from '@jest/globals';
import { jobOperationSuite } from '../support/job-operation-suite.js';
import { openMongoStores } from '../support/job-stores.js';

describe('runs and jobs in MongoDB', () => {
  jobOperationSuite(openMongoStores);
});
