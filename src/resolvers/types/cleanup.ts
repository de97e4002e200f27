import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { ReportMail as ReportMailName } from '../../domain/cleanup/report.js';
import type { ScheduleType as ScheduleTypeName } from '../../domain/cleanup/schedules/next-run.js';
import type { Schedule } from '../../domain/cleanup/schedules/schedules.js';
import type { TaskName } from '../../domain/cleanup/registry.js';
import type { ReadBy } from './account.js';
import { DateTime } from './date-time.js';
import { CleanupTask, ReportMail, ScheduleType } from './enums.js';
import { PurgeCount } from './purge-report.js';

export type ScheduleNode = Schedule & ReadBy;

@ObjectType({ simpleResolvers: true, description: 'When a cleanup task runs, as an admin defined it. Admin.' })
export class CleanupSchedule {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'Unique, kept as typed.' })
  name!: string;

  @Field(() => CleanupTask)
  task!: TaskName;

  @Field(() => ScheduleType)
  type!: ScheduleTypeName;

  @Field(() => String, { nullable: true, description: 'Five fields, in timeZone; with CRON only.' })
  cron!: string | null;

  @Field(() => String, { description: 'IANA name. Days, weeks, months, quarters and years are calendar ones in it.' })
  timeZone!: string;

  @Field(() => DateTime, {
    description: 'The first regular run, from which the others count; with CRON, none is earlier.',
  })
  runAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Null while it is disabled.' })
  nextRunAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  lastRunAt!: Date | null;

  @Field(() => Boolean, { description: 'A ONCE schedule is disabled by its run.' })
  isEnabled!: boolean;

  @Field(() => Int, { nullable: true, description: "Null: the task's configured default, if it has one." })
  retentionDays!: number | null;

  @Field(() => Boolean, { description: 'Whether batches without codes become PURGED; of RECOVERY_CODES only.' })
  deleteEmptyBatches!: boolean;

  @Field(() => Int, { nullable: true, description: 'Null: the configured default. -1: unlimited.' })
  maxDeletionsPerRun!: number | null;

  @Field(() => Boolean, { description: 'Whether its runs write a detailed log.' })
  useLogger!: boolean;

  @Field(() => ReportMail)
  emailReport!: ReportMailName;
}

@InputType()
export class CleanupScheduleInput {
  @Field(() => String, { description: 'Unique, kept as typed.' })
  name!: string;

  @Field(() => CleanupTask)
  task!: TaskName;

  @Field(() => ScheduleType)
  type!: ScheduleTypeName;

  @Field(() => String, { nullable: true, description: 'Five fields; required for CRON, refused otherwise.' })
  cron?: string | null;

  @Field(() => String, { nullable: true, description: 'IANA name, UTC by default.' })
  timeZone?: string | null;

  @Field(() => DateTime)
  runAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Replaces the next regular run; not before runAt.' })
  nextRunAt?: Date | null;

  @Field(() => Boolean, { nullable: true, description: 'True by default.' })
  isEnabled?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    description: "Null: the task's configured default. 0 (RECOVERY_CODES only): no age filter.",
  })
  retentionDays?: number | null;

  @Field(() => Boolean, { nullable: true, description: 'True by default; of RECOVERY_CODES only.' })
  deleteEmptyBatches?: boolean | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Null: the configured default. -1: unlimited. 0 is refused.',
  })
  maxDeletionsPerRun?: number | null;

  @Field(() => Boolean, { nullable: true, description: 'PURGE_USE_LOGGER by default.' })
  useLogger?: boolean | null;

  @Field(() => ReportMail, { nullable: true, description: 'NEVER by default.' })
  emailReport?: ReportMailName | null;
}

@InputType()
export class RunCleanupInput {
  @Field(() => CleanupTask)
  task!: TaskName;

  @Field(() => Int, { nullable: true })
  retentionDays?: number | null;

  @Field(() => Int, { nullable: true })
  maxDeletionsPerRun?: number | null;

  @Field(() => Boolean, { nullable: true })
  deleteEmptyBatches?: boolean | null;

  @Field(() => Boolean, { nullable: true, defaultValue: false, description: 'Counts, and removes nothing.' })
  dryRun?: boolean | null;
}

@ObjectType({ simpleResolvers: true })
export class FlushJobsPayload {
  @Field(() => [PurgeCount])
  counts!: PurgeCount[];

  @Field(() => Int)
  total!: number;

  @Field(() => Boolean)
  isDryRun!: boolean;
}
