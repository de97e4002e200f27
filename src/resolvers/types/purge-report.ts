import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { Report, ReportLine } from '../../domain/cleanup/report.js';
import type {
  EmailStatus as EmailStatusName,
  ReportStatus as ReportStatusName,
  ReportTrigger as ReportTriggerName,
} from '../../domain/cleanup/report.js';
import type { TaskName } from '../../domain/cleanup/registry.js';
import type { ReadBy } from './account.js';
import { DateTime } from './date-time.js';
import { CleanupTask, EmailStatus, ReportStatus, ReportTrigger } from './enums.js';
import { PageInfo } from './page-info.js';

export type ReportNode = Omit<Report, 'counts' | 'cursor'> &
  ReadBy & { readonly counts: readonly PurgeCount[]; readonly cursor: string | null };

@ObjectType({
  simpleResolvers: true,
  description: `How many of one kind. name is one of: codes, batches; EMAIL_VERIFICATION, PASSWORD_RESET, EMAIL_CHANGE;
refreshTokens, sessions; queued, running, failed, finished, scheduled; otherwise rows.`,
})
export class PurgeCount {
  @Field(() => String)
  name!: string;

  @Field(() => Int)
  count!: number;
}

@ObjectType({ simpleResolvers: true, description: 'What one run of a cleanup task did. Admin.' })
export class PurgeReport {
  @Field(() => ID)
  id!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Set when the run ends; what purgeReported(after:) takes.',
  })
  cursor!: string | null;

  @Field(() => CleanupTask)
  task!: TaskName;

  @Field(() => ReportStatus)
  status!: ReportStatusName;

  @Field(() => ReportTrigger)
  trigger!: ReportTriggerName;

  @Field(() => Boolean)
  isDryRun!: boolean;

  @Field(() => String, { nullable: true, description: 'As the schedule was called when the run began.' })
  scheduleName!: string | null;

  @Field(() => DateTime, { description: 'While QUEUED: when it was asked for.' })
  startedAt!: Date;

  @Field(() => DateTime, { nullable: true })
  finishedAt!: Date | null;

  @Field(() => Int, { nullable: true, description: 'What was kept, in days; null where the task knows none.' })
  retentionDays!: number | null;

  @Field(() => [PurgeCount], { description: 'Rows removed, or that would be, by kind of row.' })
  counts!: readonly PurgeCount[];

  @Field(() => Int, {
    description:
      'Rows removed, or that would be: what maxDeletionsPerRun limits. Batches that became PURGED are counted apart, since their record stays.',
  })
  total!: number;

  @Field(() => Boolean, {
    description: 'True when maxDeletionsPerRun ended the run with rows still eligible.',
  })
  isCapped!: boolean;

  @Field(() => EmailStatus, { nullable: true, description: 'Null when no mail was asked for.' })
  emailStatus!: EmailStatusName | null;

  @Field(() => String, { nullable: true, description: 'Why it was skipped or failed, in a fixed phrase.' })
  error!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'What one run did to one batch.' })
export class PurgedBatch {
  @Field(() => ID)
  batchId!: string;

  @Field(() => ID, { nullable: true })
  accountId!: string | null;

  @Field(() => Int)
  issuedCount!: number;

  @Field(() => Int)
  usedCount!: number;

  @Field(() => Int, { description: "How many of the batch's codes this run removed." })
  purgedCount!: number;

  @Field(() => Int, { description: 'How many rows of its codes were left after it.' })
  remainingRows!: number;

  @Field(() => Boolean, { description: 'Its last row went: the batch is PURGED.' })
  isBatchPurged!: boolean;
}

@ObjectType({ simpleResolvers: true })
export class PurgedBatchEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => PurgedBatch)
  node!: ReportLine;
}

@ObjectType({ simpleResolvers: true })
export class PurgedBatchConnection {
  @Field(() => [PurgedBatchEdge])
  edges!: PurgedBatchEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  /** Whose lines they are: counted only where somebody asks. */
  reportId!: string;
}

@ObjectType({ simpleResolvers: true })
export class PurgeReportEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => PurgeReport)
  node!: ReportNode;
}

@ObjectType({ simpleResolvers: true })
export class PurgeReportConnection {
  @Field(() => [PurgeReportEdge])
  edges!: PurgeReportEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  /** Of what they are a page, a schedule or a filter: counted only where somebody asks. */
  of!: { readonly scheduleId: string } | { readonly filter: PurgeReportFilter };
}

@InputType()
export class PurgeReportFilter {
  @Field(() => CleanupTask, { nullable: true })
  task?: TaskName | null;

  @Field(() => ReportStatus, { nullable: true })
  status?: ReportStatusName | null;

  @Field(() => ID, { nullable: true })
  scheduleId?: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'How far a run has come.' })
export class PurgeProgress {
  @Field(() => ID)
  reportId!: string;

  @Field(() => CleanupTask)
  task!: TaskName;

  @Field(() => Int, { description: 'Rows removed so far.' })
  done!: number;

  @Field(() => Int, { nullable: true, description: 'Estimated at the start; null when unknown.' })
  eligible!: number | null;
}
