import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { SigningKeyRecord } from '../domain/accounts/signing-key-rows.js';
import type { Context } from './context.js';
import { SigningKey } from './types/signing-key.js';

@Resolver()
export class SigningKeysResolver {
  @Query(() => [SigningKey], {
    description:
      'Admin. The keys that prove access tokens, the current one first; expired ones until they are cleaned up.',
  })
  async signingKeys(@Ctx() { services, viewer }: Context): Promise<readonly SigningKeyRecord[]> {
    return await services.keyRotation.list(viewer);
  }

  @Mutation(() => SigningKey, {
    description:
      'Admin. Makes a new current key; the previous one stays valid for KEY_ROTATION_TTL_SECONDS, or not at all.',
  })
  async rotateSigningKey(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('revokePrevious', () => Boolean, { nullable: true, defaultValue: false }) revokePrevious?: boolean | null,
    @Arg('currentPassword', () => String, { nullable: true }) currentPassword?: string | null,
  ): Promise<SigningKeyRecord> {
    return await services.keyRotation.rotate(viewer, origin, { revokePrevious, currentPassword });
  }
}
