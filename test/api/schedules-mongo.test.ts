import { describe } from '@jest/globals';
import { badScheduleSuite } from '../support/bad-schedule-suite.js';
import { openMongoStores } from '../support/job-stores.js';
import { scheduleSuite } from '../support/schedule-suite.js';

describe('schedules in MongoDB', () => {
  scheduleSuite(openMongoStores);
});

describe('bad input about schedules in MongoDB', () => {
  badScheduleSuite(openMongoStores);
});
