import { DirectiveLocation, GraphQLDirective, GraphQLEnumType, GraphQLNonNull } from 'graphql';
import { Directive } from 'type-graphql';
import type { LimitPolicy } from '../domain/limits/limit-policy.js';

const RateLimitPolicy = new GraphQLEnumType({
  name: 'RateLimitPolicy',
  values: {
    GENERATE: { description: 'Issuing codes: a cooldown that grows when it is pressed early.' },
    VERIFY: {
      description: 'Spending or testing a code, or retyping one to revoke it: failures count, success clears.',
    },
    SIGN_IN: {
      description:
        'Signing in, with a password or a recovery code: failures count per account and address, success clears.',
    },
    SEND_MAIL: { description: 'Anything that sends a mail.' },
  },
});

export const rateLimitDirective = new GraphQLDirective({
  name: 'rateLimit',
  description: `Refuses the field with RATE_LIMITED until retryAt. Counted per execution of the field, so aliases count.
On anonymous SEND_MAIL fields it refuses silently: the same answer, no mail.`,
  locations: [DirectiveLocation.FIELD_DEFINITION],
  args: { policy: { type: new GraphQLNonNull(RateLimitPolicy) } },
});

/**
 * Declares in the schema under which policy a field is limited. The one limiter of the domain enforces it, where it is
 * known whether an attempt failed; `test/api/rate-limit-directive.test.ts` holds declaration and enforcement together.
 */
export function RateLimit(policy: LimitPolicy): MethodDecorator {
  return Directive(`@rateLimit(policy: ${policy})`);
}
