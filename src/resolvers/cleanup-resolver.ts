import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from './context.js';
import { batchNode, reportConnection, reportNode } from './nodes.js';
import { RunCleanupInput } from './types/cleanup.js';
import { PurgeReport, PurgeReportConnection, PurgeReportFilter, type ReportNode } from './types/purge-report.js';
import { type BatchNode, RecoveryCodeBatch } from './types/recovery-code-batch.js';

@Resolver()
export class CleanupResolver {
  @Query(() => PurgeReportConnection, { description: 'Admin. Newest first.' })
  async purgeReports(
    @Ctx() { services, viewer }: Context,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
    @Arg('filter', () => PurgeReportFilter, { nullable: true }) filter?: PurgeReportFilter | null,
  ): Promise<PurgeReportConnection> {
    const page = await services.cleanup.reports(viewer, filter ?? {}, { first, after });
    return reportConnection(page, { of: { filter: filter ?? {} }, after, viewer });
  }

  @Query(() => PurgeReport, { nullable: true, description: 'Admin.' })
  async purgeReport(@Ctx() { services, viewer }: Context, @Arg('id', () => ID) id: string): Promise<ReportNode | null> {
    const report = await services.cleanup.report(viewer, id);
    return report === undefined ? null : reportNode(report, viewer);
  }

  @Mutation(() => PurgeReport, {
    description: 'Admin. Answers when the run ends or after 5 s, with the report as it stands.',
  })
  async runCleanup(
    @Ctx() { services, viewer }: Context,
    @Arg('input', () => RunCleanupInput) input: RunCleanupInput,
  ): Promise<ReportNode> {
    return reportNode(await services.cleanup.run(viewer, input), viewer);
  }

  @Mutation(() => PurgeReport, {
    description: 'Admin. Ends a run after the chunk that it is at; a run that has ended stays as it is.',
  })
  async cancelCleanup(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('reportId', () => ID) reportId: string,
  ): Promise<ReportNode> {
    return reportNode(await services.cleanup.cancel(viewer, origin, reportId), viewer);
  }

  @Mutation(() => RecoveryCodeBatch, {
    description: "Admin. Purges one batch's codes now, at any age; refused while a code of it works.",
  })
  async purgeRecoveryCodeBatch(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('batchId', () => ID) batchId: string,
    @Arg('confirm', () => Boolean) confirm: boolean,
  ): Promise<BatchNode> {
    return batchNode(await services.cleanup.purgeBatch(viewer, origin, { batchId, confirm }), viewer);
  }
}
