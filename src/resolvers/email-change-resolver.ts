import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import { requireReader } from '../domain/access/rules.js';
import type { Context } from './context.js';
import { accountNode } from './nodes.js';
import { RateLimit } from './rate-limit-directive.js';
import { Account, type AccountNode, PendingEmailChange } from './types/account.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver(() => Account)
export class EmailChangeResolver {
  @RateLimit('SEND_MAIL')
  @Mutation(() => AcknowledgedPayload, {
    description: `Mails a link to the current address and one to the new one; both have to be confirmed, in either order. Takes
the place of an earlier request. Whether somebody has the new address is not told.`,
  })
  async requestEmailChange(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('newEmail', () => String) newEmail: string,
    @Arg('currentPassword', () => String) currentPassword: string,
  ): Promise<AcknowledgedPayload> {
    await services.emailChange.request(viewer, origin, { newEmail, currentPassword });
    return acknowledged;
  }

  @Mutation(() => Account, {
    description: `Takes the token of a mailed link. The second one changes the address and ends the account's other sessions, all of
them where it is confirmed without one. CONFLICT where another account has the address by now.`,
  })
  async confirmEmailChange(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('token', () => String) token: string,
  ): Promise<AccountNode> {
    return accountNode(await services.emailChange.confirm(viewer, origin, token), viewer);
  }

  @Mutation(() => AcknowledgedPayload, { description: 'Takes the request back; its links no longer work.' })
  async cancelEmailChange(@Ctx() { services, viewer, origin }: Context): Promise<AcknowledgedPayload> {
    await services.emailChange.cancel(viewer, origin);
    return acknowledged;
  }

  @FieldResolver(() => PendingEmailChange, { nullable: true })
  async pendingEmailChange(
    @Ctx() { loaders }: Context,
    @Root() { id, viewer }: AccountNode,
  ): Promise<PendingEmailChange | null> {
    requireReader(viewer, id);
    return (await loaders.pendingEmailChange.load(id)) ?? null;
  }
}
