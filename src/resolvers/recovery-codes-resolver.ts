import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Revocation } from '../domain/codes/revoke-code.js';
import { numbered } from '../domain/copies/numbered.js';
import type { Context } from './context.js';
import { batchNode, optionalBatchNode } from './nodes.js';
import { RateLimit } from './rate-limit-directive.js';
import { OpenToServiceKeys } from './service-key-access.js';
import { type BatchNode, RecoveryCodeBatch } from './types/recovery-code-batch.js';
import {
  DeleteRecoveryCodeBatchPayload,
  GenerateRecoveryCodesInput,
  GenerateRecoveryCodesPayload,
  RecoveryCodeSelector,
  RevokeRecoveryCodePayload,
  TestRecoveryCodePayload,
  VerifyRecoveryCodePayload,
} from './types/recovery-code-operations.js';

@Resolver()
export class RecoveryCodesResolver {
  @OpenToServiceKeys()
  @RateLimit('GENERATE')
  @Mutation(() => GenerateRecoveryCodesPayload, {
    description: 'Issues a new batch in the place of the active one, whose codes stop working.',
  })
  async generateRecoveryCodes(
    @Ctx() context: Context,
    @Arg('input', () => GenerateRecoveryCodesInput, { nullable: true }) input?: GenerateRecoveryCodesInput | null,
  ): Promise<GenerateRecoveryCodesPayload> {
    const { services, viewer, origin } = context;
    const issued = await services.recoveryCodes.generate(viewer, origin, input ?? {});
    // A service key's user has an account from here on, for what else the document asks, too.
    context.viewer = issued.reader;
    const { batch, codes, reader, copyAvailableUntil } = issued;
    return { batch: batchNode(batch, reader), codes: numbered(codes), copyAvailableUntil };
  }

  @OpenToServiceKeys()
  @RateLimit('VERIFY')
  @Mutation(() => TestRecoveryCodePayload, { description: 'Proves once that the codes work; spends none.' })
  async testRecoveryCode(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('code', () => String) code: string,
  ): Promise<TestRecoveryCodePayload> {
    return await services.recoveryCodes.test(viewer, origin, code);
  }

  @OpenToServiceKeys()
  @RateLimit('VERIFY')
  @Mutation(() => VerifyRecoveryCodePayload, {
    description: "Spends a code. ACCEPTED proves something to a service key's caller, not to a browser.",
  })
  async verifyRecoveryCode(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('code', () => String) code: string,
  ): Promise<VerifyRecoveryCodePayload> {
    const { outcome, batch } = await services.recoveryCodes.verify(viewer, origin, code);
    return { outcome, batch: optionalBatchNode(batch, viewer) };
  }

  @OpenToServiceKeys()
  @RateLimit('VERIFY')
  @Mutation(() => RevokeRecoveryCodePayload, { description: 'Makes one code unusable and keeps it in the history.' })
  async invalidateRecoveryCode(
    @Ctx() context: Context,
    @Arg('selector', () => RecoveryCodeSelector) selector: RecoveryCodeSelector,
  ): Promise<RevokeRecoveryCodePayload> {
    return await revoke(context, selector, 'INVALIDATED');
  }

  @OpenToServiceKeys()
  @RateLimit('VERIFY')
  @Mutation(() => RevokeRecoveryCodePayload, { description: 'Makes one code unusable and marks it for deletion.' })
  async deleteRecoveryCode(
    @Ctx() context: Context,
    @Arg('selector', () => RecoveryCodeSelector) selector: RecoveryCodeSelector,
  ): Promise<RevokeRecoveryCodePayload> {
    return await revoke(context, selector, 'PENDING_DELETION');
  }

  @OpenToServiceKeys()
  @Mutation(() => DeleteRecoveryCodeBatchPayload, {
    description: 'Marks a batch and its codes for deletion; the next purge removes them. A repeat changes nothing.',
  })
  async deleteRecoveryCodeBatch(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('batchId', () => ID) batchId: string,
  ): Promise<DeleteRecoveryCodeBatchPayload> {
    return { batch: batchNode(await services.recoveryCodes.deleteBatch(viewer, origin, batchId), viewer) };
  }

  @OpenToServiceKeys()
  @Mutation(() => RecoveryCodeBatch, { description: 'Notes that the owner has seen the codes.' })
  async markRecoveryCodesViewed(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('batchId', () => ID) batchId: string,
  ): Promise<BatchNode> {
    return batchNode(await services.recoveryCodes.markViewed(viewer, origin, batchId), viewer);
  }
}

async function revoke(
  { services, viewer, origin }: Context,
  { code, codeId }: RecoveryCodeSelector,
  to: Revocation,
): Promise<RevokeRecoveryCodePayload> {
  const selector = { code: code ?? null, codeId: codeId ?? null, to };
  const { outcome, batch } = await services.recoveryCodes.revoke(viewer, origin, selector);
  return { outcome, batch: optionalBatchNode(batch, viewer) };
}
