import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { ExportFormat as Format } from '../domain/copies/code-sheet.js';
import type { Context } from './context.js';
import { batchNode } from './nodes.js';
import { RateLimit } from './rate-limit-directive.js';
import { OpenToServiceKeys } from './service-key-access.js';
import { ExportFormat } from './types/enums.js';
import { EmailRecoveryCodesPayload, ExportRecoveryCodesPayload } from './types/recovery-code-operations.js';

@Resolver()
export class CopiesResolver {
  @OpenToServiceKeys()
  @Mutation(() => ExportRecoveryCodesPayload, {
    description: `The codes as a file, once, for the session that issued them and while their copy lasts
(copyAvailableUntil). Absent format: EXPORT_FORMAT.`,
  })
  async exportRecoveryCodes(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('batchId', () => ID) batchId: string,
    @Arg('format', () => ExportFormat, { nullable: true }) format?: Format | null,
  ): Promise<ExportRecoveryCodesPayload> {
    const { batch, file } = await services.copies.export(viewer, origin, { batchId, format: format ?? null });
    const { name, mediaType, bytes } = file;
    return { file: { name, mediaType, content: bytes.toString('base64') }, batch: batchNode(batch, viewer) };
  }

  @OpenToServiceKeys()
  @Mutation(() => EmailRecoveryCodesPayload, {
    description: `Mails the codes to the account's verified address, once, for the session that issued them and while
their copy lasts. A mail that finally fails uses nothing up: emailedAt becomes null again.`,
  })
  @RateLimit('SEND_MAIL')
  async emailRecoveryCodes(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('batchId', () => ID) batchId: string,
  ): Promise<EmailRecoveryCodesPayload> {
    const { batch, message } = await services.copies.email(viewer, origin, batchId);
    return { batch: batchNode(batch, viewer), message };
  }
}
