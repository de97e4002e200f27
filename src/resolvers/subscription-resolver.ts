import { Arg, Ctx, ID, type ResolverData, Resolver, Root, Subscription } from 'type-graphql';
import type { Report } from '../domain/cleanup/report.js';
import type { TaskName } from '../domain/cleanup/registry.js';
import type { Batch } from '../domain/codes/batch.js';
import { UnauthenticatedError } from '../domain/errors.js';
import type { LiveSession } from '../domain/live/live-session.js';
import type { RunProgress } from '../domain/live/progress-feed.js';
import type { Context } from './context.js';
import { batchNode, reportNode } from './nodes.js';
import { CleanupTask } from './types/enums.js';
import { PurgeProgress, PurgeReport, type ReportNode } from './types/purge-report.js';
import { type BatchNode, RecoveryCodeBatch } from './types/recovery-code-batch.js';

type Subscribing<Args = object> = Pick<ResolverData<Context>, 'context'> & { readonly args: Args };

@Resolver()
export class SubscriptionResolver {
  @Subscription(() => PurgeReport, {
    description:
      "Admin. With `after` (a report's cursor), first every run that ended later, then live ones: nothing is missed on reconnect.",
    subscribe: ({ args, context }: Subscribing<{ task?: TaskName | null; after?: string | null }>) =>
      context.services.live.purgeReports(sessionOf(context), args),
  })
  purgeReported(
    @Root() report: Report,
    @Ctx() { viewer }: Context,
    @Arg('task', () => CleanupTask, { nullable: true }) _task?: TaskName | null,
    @Arg('after', () => String, { nullable: true }) _after?: string | null,
  ): ReportNode {
    return reportNode(report, viewer);
  }

  @Subscription(() => PurgeProgress, {
    description: 'Admin. At most a few a second per run.',
    subscribe: ({ args, context }: Subscribing<{ reportId?: string | null }>) =>
      context.services.live.purgeProgress(sessionOf(context), args.reportId),
  })
  purgeProgressed(
    @Root() progress: RunProgress,
    @Arg('reportId', () => ID, { nullable: true }) _reportId?: string | null,
  ): PurgeProgress {
    return progress;
  }

  @Subscription(() => RecoveryCodeBatch, {
    description: 'Owner: the current batch if any, then each batch that changed, so that a page can show what is left.',
    subscribe: ({ context }: Subscribing) => context.services.live.ownBatches(sessionOf(context)),
  })
  recoveryCodesChanged(@Root() batch: Batch, @Ctx() { viewer }: Context): BatchNode {
    return batchNode(batch, viewer);
  }
}

function sessionOf({ session }: Context): LiveSession {
  if (session === undefined) throw new UnauthenticatedError();
  return session;
}
