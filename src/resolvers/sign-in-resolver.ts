import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { rejected } from '../domain/access/viewer.js';
import type { SignedInSession } from '../domain/accounts/sign-in.js';
import type { Context } from './context.js';
import { accountNode, sessionNode, viewerOf } from './nodes.js';
import { RateLimit } from './rate-limit-directive.js';
import { acknowledged, AcknowledgedPayload, SignInPayload } from './types/sign-in.js';

@Resolver()
export class SignInResolver {
  @RateLimit('SIGN_IN')
  @Mutation(() => SignInPayload, { description: 'Signs in with a password.' })
  async signIn(
    @Ctx() context: Context,
    @Arg('email', () => String) email: string,
    @Arg('password', () => String) password: string,
  ): Promise<SignInPayload> {
    return payloadOf(await context.services.signIn.withPassword(context.origin, { email, password }));
  }

  @RateLimit('SIGN_IN')
  @Mutation(() => SignInPayload, {
    description: 'Spends a recovery code to sign in; with its password too where RECOVERY_SIGN_IN asks for it.',
  })
  async signInWithRecoveryCode(
    @Ctx() context: Context,
    @Arg('email', () => String) email: string,
    @Arg('code', () => String) code: string,
    @Arg('password', () => String, { nullable: true }) password?: string | null,
  ): Promise<SignInPayload> {
    const input = { email, code, password: password ?? null };
    return payloadOf(await context.services.signIn.withRecoveryCode(context.origin, input));
  }

  @Mutation(() => SignInPayload, {
    description: 'Exchanges a refresh token, which is then used up, for its successor.',
  })
  async refreshSession(
    @Ctx() context: Context,
    @Arg('refreshToken', () => String, { nullable: true }) refreshToken?: string | null,
  ): Promise<SignInPayload> {
    return payloadOf(await context.services.signIn.refresh(context.origin, refreshToken ?? null));
  }

  @Mutation(() => AcknowledgedPayload, { description: 'Ends this session.' })
  async signOut(@Ctx() context: Context): Promise<AcknowledgedPayload> {
    await context.services.signIn.signOut(context.viewer, context.origin);
    // What follows in the same document is asked by nobody.
    context.viewer = rejected;
    return acknowledged;
  }
}

function payloadOf(signedIn: SignedInSession): SignInPayload {
  const viewer = viewerOf(signedIn);
  return {
    accessToken: signedIn.accessToken.token,
    accessTokenExpiresAt: signedIn.accessToken.expiresAt,
    refreshToken: signedIn.refreshToken,
    account: accountNode(signedIn.account, viewer),
    session: sessionNode(signedIn.session, viewer),
    remainingCount: signedIn.remainingCount ?? null,
  };
}
