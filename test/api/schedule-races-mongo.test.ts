import { describe } from '@jest/globals';
import { openMongoStores } from '../support/job-stores.js';
import { scheduleRaceSuite } from '../support/schedule-race-suite.js';

describe('schedules in MongoDB, changed by several processes', () => {
  scheduleRaceSuite(openMongoStores);
});
