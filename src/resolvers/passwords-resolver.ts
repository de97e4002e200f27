import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { rejected } from '../domain/access/viewer.js';
import type { Context } from './context.js';
import { RateLimit } from './rate-limit-directive.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver()
export class PasswordsResolver {
  @RateLimit('SEND_MAIL')
  @Mutation(() => AcknowledgedPayload, {
    description: 'Mails a link that sets a new password, if the address has an account. The link mailed last counts.',
  })
  async requestPasswordReset(
    @Ctx() { services, origin }: Context,
    @Arg('email', () => String) email: string,
  ): Promise<AcknowledgedPayload> {
    await services.passwordReset.request(origin, email);
    return acknowledged;
  }

  @Mutation(() => AcknowledgedPayload, {
    description: `Takes the token of a mailed link. Ends every session of the account and voids every other token of it; a password
that is refused leaves the token usable. With revokeRecoveryCodes the codes that work are deleted too.`,
  })
  async resetPassword(
    @Ctx() context: Context,
    @Arg('token', () => String) token: string,
    @Arg('newPassword', () => String) newPassword: string,
    @Arg('revokeRecoveryCodes', () => Boolean, { nullable: true, defaultValue: false })
    revokeRecoveryCodes: boolean | null,
  ): Promise<AcknowledgedPayload> {
    const input = { token, newPassword, revokeRecoveryCodes: revokeRecoveryCodes === true };
    await context.services.passwordReset.reset(context.viewer, context.origin, input);
    // The session that asked has ended with the others.
    if (context.viewer.kind === 'signed-in') context.viewer = rejected;
    return acknowledged;
  }

  @RateLimit('SIGN_IN')
  @Mutation(() => AcknowledgedPayload, {
    description: `Ends every other session and voids every mailed token. An account without a password sets one by
requestPasswordReset. With revokeRecoveryCodes the codes that work are deleted too.`,
  })
  async changePassword(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('currentPassword', () => String) currentPassword: string,
    @Arg('newPassword', () => String) newPassword: string,
    @Arg('revokeRecoveryCodes', () => Boolean, { nullable: true, defaultValue: false })
    revokeRecoveryCodes: boolean | null,
  ): Promise<AcknowledgedPayload> {
    const input = { currentPassword, newPassword, revokeRecoveryCodes: revokeRecoveryCodes === true };
    await services.passwordChange.change(viewer, origin, input);
    return acknowledged;
  }
}
