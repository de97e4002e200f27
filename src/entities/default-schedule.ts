import { defineEntity, p } from '@mikro-orm/core';
import { createdAt } from './columns.js';

/** That a job store was once given the default schedule of a task, so that a deleted one stays deleted. */
export const DefaultScheduleSchema = defineEntity({
  name: 'DefaultSchedule',
  tableName: 'default_schedules',
  properties: {
    store: p.text().primary(),
    task: p.text().primary(),
    createdAt: createdAt(),
  },
});
