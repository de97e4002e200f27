import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { isOwner } from '../domain/access/rules.js';
import { rejected } from '../domain/access/viewer.js';
import type { Context } from './context.js';
import { RateLimit } from './rate-limit-directive.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver()
export class AccountDeletionResolver {
  @RateLimit('SIGN_IN')
  @Mutation(() => AcknowledgedPayload, {
    description: `Deletes the account with its sessions, tokens and codes. What happened stays in the audit, without the person; the
address is free.`,
  })
  async deleteMyAccount(
    @Ctx() context: Context,
    @Arg('currentPassword', () => String) currentPassword: string,
  ): Promise<AcknowledgedPayload> {
    await context.services.accountDeletion.deleteOwn(context.viewer, context.origin, currentPassword);
    context.viewer = rejected;
    return acknowledged;
  }

  @Mutation(() => AcknowledgedPayload, {
    description: 'Admin. The same for any account; the last admin stays (CONFLICT).',
  })
  async deleteAccount(
    @Ctx() context: Context,
    @Arg('accountId', () => ID) accountId: string,
    @Arg('confirm', () => Boolean) confirm: boolean,
  ): Promise<AcknowledgedPayload> {
    const { services, viewer, origin } = context;
    await services.accountDeletion.delete(viewer, origin, { accountId, confirm });
    if (isOwner(viewer, accountId)) context.viewer = rejected;
    return acknowledged;
  }
}
