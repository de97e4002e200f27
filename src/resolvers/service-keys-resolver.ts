import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { CreatedServiceKey } from '../domain/service-keys/service-keys.js';
import type { ServiceKey as ServiceKeyRecord } from '../domain/service-keys/service-key.js';
import type { Context } from './context.js';
import { CreateServiceKeyPayload, ServiceKey, ServiceKeyInput } from './types/service-key.js';

@Resolver()
export class ServiceKeysResolver {
  @Query(() => [ServiceKey], { description: 'Admin. Newest first, expired and revoked ones too.' })
  async serviceKeys(@Ctx() { services, viewer }: Context): Promise<readonly ServiceKeyRecord[]> {
    return await services.serviceKeys.list(viewer);
  }

  @Mutation(() => CreateServiceKeyPayload, {
    description: 'Admin, after a recent sign-in (STEP_UP_SECONDS) or with currentPassword.',
  })
  async createServiceKey(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('input', () => ServiceKeyInput) input: ServiceKeyInput,
    @Arg('currentPassword', () => String, { nullable: true }) currentPassword?: string | null,
  ): Promise<CreatedServiceKey> {
    return await services.serviceKeys.create(viewer, origin, { input, currentPassword });
  }

  @Mutation(() => ServiceKey, { description: 'Admin. It is refused from now on. A repeat changes nothing.' })
  async revokeServiceKey(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID) id: string,
  ): Promise<ServiceKeyRecord> {
    return await services.serviceKeys.revoke(viewer, origin, id);
  }
}
