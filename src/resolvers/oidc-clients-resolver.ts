import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { OidcClient as OidcClientRecord } from '../domain/issuers/oidc-client.js';
import type { Context } from './context.js';
import { OidcClient, OidcClientInput } from './types/oidc-client.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver()
export class OidcClientsResolver {
  @Query(() => [OidcClient], { description: 'Admin. By name.' })
  async oidcClients(@Ctx() { services, viewer }: Context): Promise<readonly OidcClientRecord[]> {
    return await services.oidcClients.list(viewer);
  }

  @Mutation(() => OidcClient, {
    description:
      'Admin. Saves a trusted issuer, a new one without id, and fetches its keys at once; where they cannot be fetched it is saved all the same, and lastError says why.',
  })
  async saveOidcClient(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID, { nullable: true }) id: string | null | undefined,
    @Arg('input', () => OidcClientInput) input: OidcClientInput,
    @Arg('currentPassword', () => String, {
      nullable: true,
      description: 'Needed where signing in was longer ago than STEP_UP_SECONDS.',
    })
    currentPassword?: string | null,
  ): Promise<OidcClientRecord> {
    return await services.oidcClients.save(viewer, origin, { id, input, currentPassword });
  }

  @Mutation(() => AcknowledgedPayload, {
    description: 'Admin. Its tokens are refused from here on; the accounts of its subjects stay.',
  })
  async deleteOidcClient(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('id', () => ID) id: string,
  ): Promise<AcknowledgedPayload> {
    await services.oidcClients.delete(viewer, origin, id);
    return acknowledged;
  }
}
