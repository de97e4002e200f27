import { Arg, Ctx, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import type { Context } from './context.js';
import { accountNode, lineConnection, optionalScheduleNode } from './nodes.js';
import { Account, type AccountNode } from './types/account.js';
import { CleanupSchedule, type ScheduleNode } from './types/cleanup.js';
import { PurgedBatchConnection, PurgeReport, PurgeReportConnection, type ReportNode } from './types/purge-report.js';

@Resolver(() => PurgeReport)
export class PurgeReportResolver {
  @FieldResolver(() => CleanupSchedule, { nullable: true, description: 'Null once it was deleted.' })
  async schedule(@Ctx() { loaders }: Context, @Root() report: ReportNode): Promise<ScheduleNode | null> {
    const { scheduleId, viewer } = report;
    return scheduleId === null ? null : optionalScheduleNode(await loaders.schedule.load(scheduleId), viewer);
  }

  @FieldResolver(() => Account, { nullable: true, description: 'Who asked for it by hand.' })
  async startedBy(@Ctx() { loaders }: Context, @Root() report: ReportNode): Promise<AccountNode | null> {
    const account = report.startedBy === null ? undefined : await loaders.account.load(report.startedBy);
    return account === undefined ? null : accountNode(account, report.viewer);
  }

  @FieldResolver(() => Int, { nullable: true })
  durationMs(@Root() { startedAt, finishedAt }: ReportNode): number | null {
    return finishedAt === null ? null : finishedAt.getTime() - startedAt.getTime();
  }

  @FieldResolver(() => PurgedBatchConnection, { description: 'What it did to each batch.' })
  async batches(
    @Ctx() { services }: Context,
    @Root() { id, viewer }: ReportNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
  ): Promise<PurgedBatchConnection> {
    const page = await services.cleanup.lines(viewer, id, { first, after });
    return lineConnection(page, { reportId: id, after });
  }
}

@Resolver(() => PurgeReportConnection)
export class PurgeReportConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(@Ctx() { services, viewer }: Context, @Root() { filter }: PurgeReportConnection): Promise<number> {
    return await services.cleanup.countReports(viewer, filter);
  }
}

@Resolver(() => PurgedBatchConnection)
export class PurgedBatchConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(@Ctx() { services, viewer }: Context, @Root() { reportId }: PurgedBatchConnection): Promise<number> {
    return await services.cleanup.countLines(viewer, reportId);
  }
}
