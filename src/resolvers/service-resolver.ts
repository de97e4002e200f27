import { Ctx, Query, Resolver } from 'type-graphql';
import type { Context } from './context.js';
import { OpenToServiceKeys } from './service-key-access.js';
import { ServiceInfo } from './types/service-info.js';

@Resolver()
export class ServiceResolver {
  @OpenToServiceKeys()
  @Query(() => ServiceInfo, { description: 'What a client needs to know before anyone signs in.' })
  service(@Ctx() { services }: Context): ServiceInfo {
    return services.info;
  }
}
