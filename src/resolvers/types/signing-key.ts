import { Field, ID, ObjectType } from 'type-graphql';
import { DateTime } from './date-time.js';

@ObjectType({ simpleResolvers: true })
export class SigningKey {
  @Field(() => ID)
  kid!: string;

  @Field(() => String)
  algorithm!: string;

  @Field(() => Boolean)
  isCurrent!: boolean;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true })
  expiresAt!: Date | null;
}
