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
    @Ctx() { loaders }: Context,
    @Root() { id }: ReportNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
  ): Promise<PurgedBatchConnection> {
    const page = await loaders.linesOfReport.load({ id, request: { first, after } });
    return lineConnection(page, { reportId: id, after });
  }
}

@Resolver(() => PurgeReportConnection)
export class PurgeReportConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(@Ctx() { loaders, services }: Context, @Root() { of }: PurgeReportConnection): Promise<number> {
    return await ('scheduleId' in of
      ? loaders.reportCount.load(of.scheduleId)
      : services.cleanup.pages.count(of.filter));
  }
}

@Resolver(() => PurgedBatchConnection)
export class PurgedBatchConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(@Ctx() { loaders }: Context, @Root() { reportId }: PurgedBatchConnection): Promise<number> {
    return await loaders.lineCount.load(reportId);
  }
}
