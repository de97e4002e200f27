import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { ServiceOperation as ServiceOperationName } from '../../domain/access/viewer.js';
import type { ServiceKey as ServiceKeyRecord } from '../../domain/service-keys/service-key.js';
import { DateTime } from './date-time.js';
import { ServiceOperation } from './enums.js';

@ObjectType({
  simpleResolvers: true,
  description: `A host application's credential (Authorization: Bearer sk_…): it acts for the application's own users, one a
request, named by the header X-Sparekey-Subject.`,
})
export class ServiceKey {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String, {
    description: 'Keys of one realm act for the same users, accounts of the origin service:<realm>.',
  })
  realm!: string;

  @Field(() => [ServiceOperation], { description: 'What it may do; anything else is FORBIDDEN.' })
  operations!: readonly ServiceOperationName[];

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'To the minute.' })
  lastUsedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Null when it never expires.' })
  expiresAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  revokedAt!: Date | null;
}

@InputType()
export class ServiceKeyInput {
  @Field(() => String, { description: 'One line of 1 to 100 characters.' })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Keys of one realm act for the same users: 1 to 64 small letters, digits and dashes. Absent: a new realm.',
  })
  realm?: string | null;

  @Field(() => [ServiceOperation], { nullable: true, description: 'All by default.' })
  operations?: readonly ServiceOperationName[] | null;

  @Field(() => Int, { nullable: true, description: '1 to 36500; absent or null: the key never expires.' })
  expiresInDays?: number | null;
}

@ObjectType()
export class CreateServiceKeyPayload {
  @Field(() => ServiceKey)
  serviceKey!: ServiceKeyRecord;

  @Field(() => String, { description: 'The only time it is shown.' })
  secret!: string;
}
