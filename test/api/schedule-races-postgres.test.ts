import { describe } from '@jest/globals';
import { openPostgresStores } from '../support/job-stores.js';
import { scheduleRaceSuite } from '../support/schedule-race-suite.js';

describe('schedules in PostgreSQL, changed by several processes', () => {
  scheduleRaceSuite(openPostgresStores);
});
