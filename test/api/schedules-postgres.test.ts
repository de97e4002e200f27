import { describe } from '@jest/globals';
import { badScheduleSuite } from '../support/bad-schedule-suite.js';
import { openPostgresStores } from '../support/job-stores.js';
import { scheduleSuite } from '../support/schedule-suite.js';

describe('schedules in PostgreSQL', () => {
  scheduleSuite(openPostgresStores);
});

describe('bad input about schedules in PostgreSQL', () => {
  badScheduleSuite(openPostgresStores);
});
