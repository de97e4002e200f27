import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Viewer } from '../../domain/access/viewer.js';
import type { Account as AccountRecord } from '../../domain/accounts/account.js';
import type { Role as RoleName, SignInMethod as SignInMethodName } from '../../domain/access/viewer.js';
import { DateTime } from './date-time.js';
import { Role, SignInMethod } from './enums.js';

/** Whatever is read is read as somebody: each object carries its reader to its fields. */
export interface ReadBy {
  readonly viewer: Viewer;
}

export type AccountNode = AccountRecord & ReadBy;

/** What is here, the holder of a mailed token reads too; `AccountResolver` has the fields for the account and admins. */
@ObjectType({ description: 'A person whose recovery codes are kept here.' })
export class Account {
  @Field(() => ID)
  id!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Null for an account that only a host application knows, by externalId.',
  })
  email!: string | null;

  @Field(() => Role)
  role!: RoleName;

  @Field(() => DateTime, { nullable: true })
  emailVerifiedAt!: Date | null;

  @Field(() => DateTime)
  createdAt!: Date;
}

@ObjectType({ description: 'An address that the account is to have once both addresses have confirmed it.' })
export class PendingEmailChange {
  @Field(() => String)
  newEmail!: string;

  @Field(() => Boolean)
  confirmedByCurrent!: boolean;

  @Field(() => Boolean)
  confirmedByNew!: boolean;

  @Field(() => DateTime, { description: 'Later than this, it cannot be confirmed any more.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'One signing-in, until it ends. Its id stays across refreshes.' })
export class Session {
  @Field(() => ID)
  id!: string;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime)
  lastUsedAt!: Date;

  @Field(() => DateTime)
  expiresAt!: Date;

  @Field(() => String, { nullable: true, description: 'Recognised browser and system.' })
  userAgent!: string | null;

  @Field(() => String, { nullable: true })
  ipAddress!: string | null;

  @Field(() => SignInMethod)
  method!: SignInMethodName;

  @Field(() => Boolean, { description: 'Whether this very request came with it.' })
  isCurrent!: boolean;
}

@ObjectType({ description: 'Whether something has to wait, and until when.' })
export class Cooldown {
  @Field(() => Boolean)
  isActive!: boolean;

  @Field(() => DateTime, { nullable: true })
  retryAt!: Date | null;

  @Field(() => Int)
  retryAfterSeconds!: number;
}
