import { Arg, Ctx, FieldResolver, Int, Query, Resolver } from 'type-graphql';
import type { Context } from './context.js';
import { emailLogConnection } from './nodes.js';
import { EmailLogEntryConnection } from './types/email-log.js';

@Resolver(() => EmailLogEntryConnection)
export class EmailLogResolver {
  @Query(() => EmailLogEntryConnection, {
    description: 'Admin. Newest first; mails are remembered here while STORE_EMAIL_LOG says so.',
  })
  async emailLog(
    @Ctx() { services, viewer }: Context,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
  ): Promise<EmailLogEntryConnection> {
    return emailLogConnection(await services.emailLog.page(viewer, { first, after }), { after });
  }

  @FieldResolver(() => Int)
  async totalCount(@Ctx() { services, viewer }: Context): Promise<number> {
    return await services.emailLog.count(viewer);
  }
}
