import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import { rejected } from '../domain/access/viewer.js';
import type { Context } from './context.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver()
export class SessionsResolver {
  @Mutation(() => AcknowledgedPayload, {
    description: "Ends one of the caller's sessions; an admin, anybody's. One that is over already stays so.",
  })
  async revokeSession(@Ctx() context: Context, @Arg('id', () => ID) id: string): Promise<AcknowledgedPayload> {
    const { services, viewer, origin } = context;
    await services.sessionRevocations.revoke(viewer, origin, id);
    // What follows in the same document is asked by nobody.
    if (viewer.kind === 'signed-in' && viewer.sessionId === id) context.viewer = rejected;
    return acknowledged;
  }

  @Mutation(() => AcknowledgedPayload, {
    description: "Ends the caller's sessions but for the current one; an admin, all of the account that is named.",
  })
  async revokeOtherSessions(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('accountId', () => ID, { nullable: true }) accountId?: string | null,
  ): Promise<AcknowledgedPayload> {
    await services.sessionRevocations.revokeOthers(viewer, origin, accountId ?? null);
    return acknowledged;
  }
}
