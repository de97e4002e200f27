import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import type { Code } from '../domain/codes/batch.js';
import type { Context } from './context.js';
import { accountNode, optionalBatchNode } from './nodes.js';
import { OpenToServiceKeys } from './service-key-access.js';
import { Account, type AccountNode } from './types/account.js';
import { type BatchNode, RecoveryCode, RecoveryCodeBatch } from './types/recovery-code-batch.js';

@Resolver(() => RecoveryCodeBatch)
export class RecoveryCodeBatchResolver {
  @OpenToServiceKeys()
  @Query(() => RecoveryCodeBatch, { nullable: true, description: 'Own batch, or any for an admin.' })
  async recoveryCodeBatch(
    @Ctx() { services, viewer }: Context,
    @Arg('id', () => ID) id: string,
  ): Promise<BatchNode | null> {
    return optionalBatchNode(await services.recoveryCodes.find(viewer, id), viewer);
  }

  @FieldResolver(() => Boolean, { description: 'True when remainingCount is at or under LOW_CODES_THRESHOLD.' })
  isLow(@Ctx() { services }: Context, @Root() batch: BatchNode): boolean {
    return services.recoveryCodes.isLow(batch.remainingCount);
  }

  @FieldResolver(() => [RecoveryCode], { description: 'Without plaintext and without hash; empty once purged.' })
  async codes(@Ctx() { loaders }: Context, @Root() batch: BatchNode): Promise<readonly Code[]> {
    return await loaders.codesOfBatch.load(batch.id);
  }

  @FieldResolver(() => Account, { nullable: true, description: 'Null once its account was deleted.' })
  async account(@Ctx() context: Context, @Root() batch: BatchNode): Promise<AccountNode | null> {
    return await accountOf(context, batch, batch.accountId);
  }

  @FieldResolver(() => Account, {
    nullable: true,
    description: 'Who deleted it: null for the owner where another account did.',
  })
  async deletedBy(@Ctx() context: Context, @Root() batch: BatchNode): Promise<AccountNode | null> {
    return await accountOf(context, batch, batch.deletedById);
  }
}

async function accountOf({ loaders }: Context, { viewer }: BatchNode, id: string | null): Promise<AccountNode | null> {
  const account = id === null ? undefined : await loaders.account.load(id);
  return account === undefined ? null : accountNode(account, viewer);
}
