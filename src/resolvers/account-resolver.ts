import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { requireReader } from '../domain/access/rules.js';
import type { Context } from './context.js';
import { accountNode, batchConnection, optionalBatchNode, sessionNode } from './nodes.js';
import { Account, type AccountNode, Cooldown, Session } from './types/account.js';
import { DateTime } from './types/date-time.js';
import { type BatchNode, RecoveryCodeBatch, RecoveryCodeBatchConnection } from './types/recovery-code-batch.js';

@Resolver(() => Account)
export class AccountResolver {
  @Query(() => Account, { nullable: true, description: 'The signed-in account; null when anonymous.' })
  async me(@Ctx() { services, viewer }: Context): Promise<AccountNode | null> {
    const account = await services.accounts.own(viewer);
    return account === undefined ? null : accountNode(account, viewer);
  }

  @Query(() => Account, { nullable: true, description: 'Admin. By id, or a LOCAL account by its e-mail address.' })
  async account(
    @Ctx() { services, viewer }: Context,
    @Arg('id', () => ID, { nullable: true }) id?: string | null,
    @Arg('email', () => String, { nullable: true }) email?: string | null,
  ): Promise<AccountNode | null> {
    const account = await services.accounts.find(viewer, { id: id ?? null, email: email ?? null });
    return account === undefined ? null : accountNode(account, viewer);
  }

  @Mutation(() => Account, { description: 'Admin. Forgets failed attempts and the waits they led to.' })
  async unlockAccount(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('accountId', () => ID) accountId: string,
  ): Promise<AccountNode> {
    return accountNode(await services.accounts.unlock(viewer, origin, accountId), viewer);
  }

  @Mutation(() => Account, { description: 'Admin. The account may prove once more that its codes work.' })
  async resetSetup(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('accountId', () => ID) accountId: string,
  ): Promise<AccountNode> {
    return accountNode(await services.accounts.resetSetup(viewer, origin, accountId), viewer);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "The host application's or issuer's own id of this person.",
  })
  externalId(@Root() account: AccountNode): string | null {
    return readable(account).externalId;
  }

  @FieldResolver(() => String, { description: 'LOCAL, issuer:<iss> or service:<realm>.' })
  origin(@Root() account: AccountNode): string {
    return readable(account).origin;
  }

  @FieldResolver(() => DateTime, { nullable: true })
  lastSignedInAt(@Root() account: AccountNode): Date | null {
    return readable(account).lastSignedInAt;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'When this account proved once that its codes work.',
  })
  setupVerifiedAt(@Root() account: AccountNode): Date | null {
    return readable(account).setupVerifiedAt;
  }

  @FieldResolver(() => RecoveryCodeBatch, {
    nullable: true,
    description: 'The batch whose codes still work, if any.',
  })
  async activeBatch(@Ctx() { services }: Context, @Root() { id, viewer }: AccountNode): Promise<BatchNode | null> {
    return optionalBatchNode(await services.accounts.activeBatch(viewer, id), viewer);
  }

  @FieldResolver(() => RecoveryCodeBatchConnection, {
    description: 'History, newest first; at most HISTORY_MAX_VISIBLE batches are reachable.',
  })
  async batches(
    @Ctx() { services }: Context,
    @Root() { id, viewer }: AccountNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
    @Arg('last', () => Int, { nullable: true }) last?: number | null,
    @Arg('before', () => String, { nullable: true }) before?: string | null,
  ): Promise<RecoveryCodeBatchConnection> {
    return batchConnection(await services.accounts.batches(viewer, id, { first, after, last, before }), viewer);
  }

  @FieldResolver(() => Cooldown, { description: 'Whether this account may generate now.' })
  async generateCooldown(@Ctx() { services }: Context, @Root() { id, viewer }: AccountNode): Promise<Cooldown> {
    const cooldown = await services.accounts.generateCooldown(viewer, id);
    return cooldown === null
      ? { isActive: false, retryAt: null, retryAfterSeconds: 0 }
      : { isActive: true, ...cooldown };
  }

  @FieldResolver(() => [Session], { description: 'The sessions that are not over, latest first.' })
  async sessions(@Ctx() { services }: Context, @Root() { id, viewer }: AccountNode): Promise<Session[]> {
    const sessions = await services.accounts.sessions(viewer, id);
    return sessions.map((session) => sessionNode(session, viewer));
  }
}

/** @throws UnauthenticatedError, ForbiddenError for a reader who is neither this account nor an admin. */
function readable(account: AccountNode): AccountNode {
  requireReader(account.viewer, account.id);
  return account;
}
