import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Context } from './context.js';
import { optionalScheduleNode, reportConnection, reportNode, scheduleNode } from './nodes.js';
import { CleanupSchedule, CleanupScheduleInput, type ScheduleNode } from './types/cleanup.js';
import { PurgeReport, PurgeReportConnection, type ReportNode } from './types/purge-report.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver(() => CleanupSchedule)
export class ScheduleResolver {
  @Query(() => [CleanupSchedule], { description: 'Admin. By name.' })
  async cleanupSchedules(@Ctx() { services, viewer }: Context): Promise<ScheduleNode[]> {
    return (await services.schedules.list(viewer)).map((schedule) => scheduleNode(schedule, viewer));
  }

  @Query(() => CleanupSchedule, { nullable: true, description: 'Admin.' })
  async cleanupSchedule(
    @Ctx() { services, viewer }: Context,
    @Arg('id', () => ID) id: string,
  ): Promise<ScheduleNode | null> {
    return optionalScheduleNode(await services.schedules.find(viewer, id), viewer);
  }

  @Mutation(() => CleanupSchedule, { description: 'Admin.' })
  async createCleanupSchedule(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('input', () => CleanupScheduleInput) input: CleanupScheduleInput,
  ): Promise<ScheduleNode> {
    return scheduleNode(await services.schedules.create(viewer, origin, input), viewer);
  }

  @Mutation(() => CleanupSchedule, {
    description: 'Admin. Fields that are absent stay as they are, null ones become the default.',
  })
  async updateCleanupSchedule(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => CleanupScheduleInput) input: CleanupScheduleInput,
  ): Promise<ScheduleNode> {
    return scheduleNode(await services.schedules.update(viewer, origin, { id, input }), viewer);
  }

  @Mutation(() => CleanupSchedule, { description: 'Admin.' })
  async setCleanupScheduleEnabled(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID) id: string,
    @Arg('enabled', () => Boolean) enabled: boolean,
  ): Promise<ScheduleNode> {
    return scheduleNode(await services.schedules.setEnabled(viewer, origin, { id, enabled }), viewer);
  }

  @Mutation(() => AcknowledgedPayload, { description: 'Admin. Its reports stay.' })
  async deleteCleanupSchedule(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID) id: string,
  ): Promise<AcknowledgedPayload> {
    await services.schedules.delete(viewer, origin, id);
    return acknowledged;
  }

  @Mutation(() => PurgeReport, {
    description:
      'Admin. Runs it now, enabled or not; its next regular run stays. Answers when the run ends or after 5 s.',
  })
  async runCleanupSchedule(@Ctx() { services, viewer }: Context, @Arg('id', () => ID) id: string): Promise<ReportNode> {
    return reportNode(await services.cleanup.runSchedule(viewer, id), viewer);
  }

  @FieldResolver(() => PurgeReport, { nullable: true })
  async lastReport(@Ctx() { loaders }: Context, @Root() { id, viewer }: ScheduleNode): Promise<ReportNode | null> {
    const report = await loaders.newestReport.load(id);
    return report === undefined ? null : reportNode(report, viewer);
  }

  @FieldResolver(() => PurgeReportConnection, { description: 'Newest first.' })
  async reports(
    @Ctx() { loaders }: Context,
    @Root() { id, viewer }: ScheduleNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
  ): Promise<PurgeReportConnection> {
    const page = await loaders.reportsOfSchedule.load({ id, request: { first, after } });
    return reportConnection(page, { of: { scheduleId: id }, after, viewer });
  }
}
