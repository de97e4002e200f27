import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { JobTarget as JobTargetName } from '../domain/jobs/jobs.js';
import type { Context } from './context.js';
import { countList } from './nodes.js';
import { FlushJobsPayload } from './types/cleanup.js';
import { JobTarget } from './types/enums.js';
import { PurgeCount } from './types/purge-report.js';

@Resolver()
export class JobsResolver {
  @Query(() => [PurgeCount], { description: 'Admin. By state: queued, running, failed, finished, scheduled.' })
  async jobCounts(@Ctx() { services, viewer }: Context): Promise<PurgeCount[]> {
    return countList({ ...(await services.jobs.counts(viewer)) });
  }

  @Mutation(() => FlushJobsPayload, {
    description: 'Admin. Removes jobs of our own that have ended, or every cleanup schedule.',
  })
  async flushJobs(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('target', () => JobTarget) target: JobTargetName,
    @Arg('confirm', () => Boolean, { description: 'Ignored in a dry run.' }) confirm: boolean,
    @Arg('dryRun', () => Boolean, { nullable: true, defaultValue: false }) dryRun?: boolean | null,
  ): Promise<FlushJobsPayload> {
    const flushed = await services.jobs.flush(viewer, origin, { target, confirm, dryRun });
    return { ...flushed, counts: countList(flushed.counts) };
  }
}
