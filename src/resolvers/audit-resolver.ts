import { Arg, Ctx, FieldResolver, Int, Query, Resolver, Root } from 'type-graphql';
import type { Context } from './context.js';
import { auditConnection, optionalAccountNode } from './nodes.js';
import { Account, type AccountNode } from './types/account.js';
import { AuditEvent, AuditEventConnection, AuditEventFilter, type AuditNode } from './types/audit.js';

@Resolver(() => AuditEvent)
export class AuditEventResolver {
  @Query(() => AuditEventConnection, { description: 'Admin. Newest first.' })
  async auditEvents(
    @Ctx() { services, viewer }: Context,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
    @Arg('filter', () => AuditEventFilter, { nullable: true }) filter?: AuditEventFilter | null,
  ): Promise<AuditEventConnection> {
    const page = await services.audit.page(viewer, filter ?? {}, { first, after });
    return auditConnection(page, { of: { filter: filter ?? {} }, after, viewer });
  }

  @FieldResolver(() => Account, {
    nullable: true,
    description:
      'Who did it: null for the system or an anonymous caller, once that account was deleted, and for the owner where another account acted.',
  })
  async actor(@Ctx() { loaders }: Context, @Root() { actorId, viewer }: AuditNode): Promise<AccountNode | null> {
    return actorId === null ? null : optionalAccountNode(await loaders.account.load(actorId), viewer);
  }

  @FieldResolver(() => Account, {
    nullable: true,
    description: 'Whom it concerns: null once that account was deleted.',
  })
  async account(@Ctx() { loaders }: Context, @Root() { accountId, viewer }: AuditNode): Promise<AccountNode | null> {
    return accountId === null ? null : optionalAccountNode(await loaders.account.load(accountId), viewer);
  }
}

@Resolver(() => AuditEventConnection)
export class AuditEventConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(
    @Ctx() { loaders, services, viewer }: Context,
    @Root() { of }: AuditEventConnection,
  ): Promise<number> {
    return await ('accountId' in of ? loaders.auditCount.load(of.accountId) : services.audit.count(viewer, of.filter));
  }
}
