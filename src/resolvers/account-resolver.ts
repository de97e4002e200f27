import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { requireCodeReader, requireReader } from '../domain/access/rules.js';
import type { Context } from './context.js';
import {
  accountConnection,
  accountNode,
  auditConnection,
  batchConnection,
  cooldownNode,
  optionalAccountNode,
  optionalBatchNode,
  sessionNode,
} from './nodes.js';
import { OpenToServiceKeys } from './service-key-access.js';
import { Account, type AccountNode, Cooldown, Session } from './types/account.js';
import { AccountConnection } from './types/account-list.js';
import { AuditEventConnection } from './types/audit.js';
import { DateTime } from './types/date-time.js';
import { type BatchNode, RecoveryCodeBatch, RecoveryCodeBatchConnection } from './types/recovery-code-batch.js';

@Resolver(() => Account)
export class AccountResolver {
  @OpenToServiceKeys()
  @Query(() => Account, {
    nullable: true,
    description: "The signed-in account, or a service key's user; null when anonymous, and for a user without one.",
  })
  async me(@Ctx() { services, viewer }: Context): Promise<AccountNode | null> {
    return optionalAccountNode(await services.accounts.own(viewer), viewer);
  }

  @Query(() => Account, { nullable: true, description: 'Admin. By id, or a LOCAL account by its e-mail address.' })
  async account(
    @Ctx() { services, viewer }: Context,
    @Arg('id', () => ID, { nullable: true }) id?: string | null,
    @Arg('email', () => String, { nullable: true }) email?: string | null,
  ): Promise<AccountNode | null> {
    const account = await services.accounts.find(viewer, { id: id ?? null, email: email ?? null });
    return optionalAccountNode(account, viewer);
  }

  @Query(() => AccountConnection, {
    description:
      'Admin. Newest first; with search, those whose address or external id begins with it, in that order, or whose id it is.',
  })
  async accounts(
    @Ctx() { services, viewer }: Context,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
    @Arg('search', () => String, { nullable: true }) search?: string | null,
  ): Promise<AccountConnection> {
    const page = await services.accounts.list(viewer, search, { first, after });
    return accountConnection(page, { search, after, viewer });
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
    return readableByKeys(account).externalId;
  }

  @FieldResolver(() => String, { description: 'LOCAL, issuer:<iss> or service:<realm>.' })
  origin(@Root() account: AccountNode): string {
    return readableByKeys(account).origin;
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
    return readableByKeys(account).setupVerifiedAt;
  }

  @FieldResolver(() => RecoveryCodeBatch, {
    nullable: true,
    description: 'The batch whose codes still work, if any.',
  })
  async activeBatch(@Ctx() { loaders }: Context, @Root() account: AccountNode): Promise<BatchNode | null> {
    const { id, viewer } = readableByKeys(account);
    return optionalBatchNode(await loaders.activeBatch.load(id), viewer);
  }

  @FieldResolver(() => RecoveryCodeBatchConnection, {
    description: 'History, newest first; at most HISTORY_MAX_VISIBLE batches are reachable.',
  })
  async batches(
    @Ctx() { loaders }: Context,
    @Root() account: AccountNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
    @Arg('last', () => Int, { nullable: true }) last?: number | null,
    @Arg('before', () => String, { nullable: true }) before?: string | null,
  ): Promise<RecoveryCodeBatchConnection> {
    const { id, viewer } = readableByKeys(account);
    const page = await loaders.batchesOfAccount.load({ id, request: { first, after, last, before } });
    return batchConnection(page, viewer);
  }

  @FieldResolver(() => Cooldown, { description: 'Whether this account may generate now.' })
  async generateCooldown(@Ctx() { loaders }: Context, @Root() account: AccountNode): Promise<Cooldown> {
    return cooldownNode(await loaders.generateCooldown.load(readableByKeys(account).id));
  }

  @FieldResolver(() => [Session], { description: 'The sessions that are not over, latest first.' })
  async sessions(@Ctx() { loaders }: Context, @Root() account: AccountNode): Promise<Session[]> {
    const { id, viewer } = readable(account);
    const sessions = await loaders.sessionsOfAccount.load(id);
    return sessions.map((session) => sessionNode(session, viewer));
  }

  @FieldResolver(() => AuditEventConnection, { description: 'What happened to this account, newest first.' })
  async auditEvents(
    @Ctx() { loaders }: Context,
    @Root() account: AccountNode,
    @Arg('first', () => Int, { nullable: true }) first?: number | null,
    @Arg('after', () => String, { nullable: true }) after?: string | null,
  ): Promise<AuditEventConnection> {
    const { id, viewer } = readable(account);
    const page = await loaders.auditOfAccount.load({ id, request: { first, after } });
    return auditConnection(page, { of: { accountId: id }, after, viewer });
  }
}

@Resolver(() => AccountConnection)
export class AccountConnectionResolver {
  @FieldResolver(() => Int)
  async totalCount(@Ctx() { services, viewer }: Context, @Root() { search }: AccountConnection): Promise<number> {
    return await services.accounts.count(viewer, search);
  }
}

/** @throws UnauthenticatedError, ForbiddenError for a reader who is neither this account nor an admin. */
function readable(account: AccountNode): AccountNode {
  requireReader(account.viewer, account.id);
  return account;
}

/** The same for what service keys read of their users: what is about codes, and by what name they go. */
function readableByKeys(account: AccountNode): AccountNode {
  requireCodeReader(account.viewer, account.id);
  return account;
}
