import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import type { Context } from './context.js';
import { RateLimit } from './rate-limit-directive.js';
import { acknowledged, AcknowledgedPayload } from './types/sign-in.js';

@Resolver()
export class RegistrationResolver {
  @RateLimit('SEND_MAIL')
  @Mutation(() => AcknowledgedPayload, { description: 'Mails a link that verifies the address.' })
  async register(
    @Ctx() { services, origin }: Context,
    @Arg('email', () => String) email: string,
    @Arg('password', () => String) password: string,
  ): Promise<AcknowledgedPayload> {
    await services.registration.register(origin, { email, password });
    return acknowledged;
  }

  @Mutation(() => AcknowledgedPayload, {
    description: 'Takes the token of a mailed link. A given password has to be the one that was registered with it.',
  })
  async verifyEmail(
    @Ctx() { services, viewer, origin }: Context,
    @Arg('token', () => String) token: string,
    @Arg('password', () => String, { nullable: true }) password?: string | null,
  ): Promise<AcknowledgedPayload> {
    await services.registration.verifyEmail(viewer, origin, { token, password: password ?? null });
    return acknowledged;
  }

  @RateLimit('SEND_MAIL')
  @Mutation(() => AcknowledgedPayload, { description: 'Mails the link anew.' })
  async resendEmailVerification(
    @Ctx() { services, origin }: Context,
    @Arg('email', () => String) email: string,
  ): Promise<AcknowledgedPayload> {
    await services.registration.resendVerification(origin, email);
    return acknowledged;
  }
}
