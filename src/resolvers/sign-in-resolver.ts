import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { rejected } from '../domain/access/viewer.js';
import type { SignedInSession } from '../domain/accounts/sign-in.js';
import type { Context } from './context.js';
import { clearingWhenRefused, secondsLeft, tokenFrom, type SessionCookie } from './session-cookie.js';
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
    const cookie = context.sessionCookie?.();
    return payloadOf(await context.services.signIn.withPassword(context.origin, { email, password }), cookie);
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
    const cookie = context.sessionCookie?.();
    const input = { email, code, password: password ?? null };
    return payloadOf(await context.services.signIn.withRecoveryCode(context.origin, input), cookie);
  }

  @Mutation(() => SignInPayload, {
    description: 'Exchanges a refresh token, which is then used up, for its successor.',
  })
  async refreshSession(
    @Ctx() context: Context,
    @Arg('refreshToken', () => String, { nullable: true }) refreshToken?: string | null,
  ): Promise<SignInPayload> {
    const cookie = context.sessionCookie?.();
    const { signIn } = context.services;
    const presented = refreshToken ?? null;
    if (cookie === undefined) return payloadOf(await signIn.refresh(context.origin, presented));
    return await clearingWhenRefused(cookie, async () =>
      payloadOf(await signIn.refresh(context.origin, tokenFrom(cookie, presented)), cookie),
    );
  }

  @Mutation(() => AcknowledgedPayload, { description: 'Ends this session.' })
  async signOut(@Ctx() context: Context): Promise<AcknowledgedPayload> {
    const cookie = context.sessionCookie?.();
    await context.services.signIn.signOut(context.viewer, context.origin);
    cookie?.clear();
    // What follows in the same document is asked by nobody.
    context.viewer = rejected;
    return acknowledged;
  }
}

function payloadOf(signedIn: SignedInSession, cookie?: SessionCookie): SignInPayload {
  const viewer = viewerOf(signedIn);
  cookie?.keep(signedIn.refreshToken, secondsLeft(signedIn));
  return {
    accessToken: signedIn.accessToken.token,
    accessTokenExpiresAt: signedIn.accessToken.expiresAt,
    refreshToken: cookie === undefined ? signedIn.refreshToken : null,
    account: accountNode(signedIn.account, viewer),
    session: sessionNode(signedIn.session, viewer),
    remainingCount: signedIn.remainingCount ?? null,
  };
}
