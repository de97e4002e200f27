import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { DateTime } from './date-time.js';

@ObjectType({ simpleResolvers: true, description: 'A trusted issuer: its bearer tokens sign their subjects in.' })
export class OidcClient {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String, { description: 'What its tokens name as `iss`, to the letter.' })
  issuer!: string;

  @Field(() => String, { description: 'What its tokens have to name in `aud`.' })
  audience!: string;

  @Field(() => String, {
    description: 'Where its keys are; as long as its discovery document could not be read, the address of that.',
  })
  jwksUri!: string;

  @Field(() => Boolean)
  acceptIdTokens!: boolean;

  @Field(() => Int, { description: 'Keys of the last good set that can prove tokens.' })
  keyCount!: number;

  @Field(() => DateTime, { nullable: true, description: 'When the last good set was fetched.' })
  keysFetchedAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description: 'Why the last attempt to fetch its keys failed, in a fixed phrase, and the error id that the log has.',
  })
  lastError!: string | null;

  @Field(() => Boolean)
  isEnabled!: boolean;
}

@InputType()
export class OidcClientInput {
  @Field(() => String)
  name!: string;

  @Field(() => String, { description: 'What its tokens name as `iss`, to the letter: an https address.' })
  issuer!: string;

  @Field(() => String, { description: 'What its tokens have to name in `aud`.' })
  audience!: string;

  @Field(() => Boolean, { nullable: true, description: 'Access tokens only, unless true.' })
  acceptIdTokens?: boolean | null;

  @Field(() => String, { nullable: true, description: "Absent: taken from the issuer's discovery document." })
  jwksUri?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Absent: as it was; true of a new one.' })
  isEnabled?: boolean | null;
}
