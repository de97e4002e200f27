import { describe } from '@jest/globals';
import { dueRunSuite } from '../support/due-run-suite.js';
import { openMongoStores } from '../support/job-stores.js';

describe('due schedules in MongoDB', () => {
  dueRunSuite(openMongoStores);
});
