import { Field, Int, ObjectType } from 'type-graphql';
import { Account, type AccountNode, Session } from './account.js';
import { DateTime } from './date-time.js';

@ObjectType()
export class SignInPayload {
  @Field(() => String)
  accessToken!: string;

  @Field(() => DateTime)
  accessTokenExpiresAt!: Date;

  @Field(() => String, {
    nullable: true,
    description: 'Null when the session lives in a cookie (request header X-Sparekey-Session: cookie).',
  })
  refreshToken!: string | null;

  @Field(() => Account)
  account!: AccountNode;

  @Field(() => Session)
  session!: Session;

  @Field(() => Int, {
    nullable: true,
    description: 'After a recovery-code sign-in: how many codes still work.',
  })
  remainingCount!: number | null;
}

@ObjectType({ description: 'The same answer whether or not the address is known.' })
export class AcknowledgedPayload {
  @Field(() => Boolean)
  acknowledged!: boolean;
}

export const acknowledged: AcknowledgedPayload = { acknowledged: true };
