import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { EmailLogEntry as EmailLogEntryRecord } from '../../domain/mail/read-email-log.js';
import { DateTime } from './date-time.js';
import { EmailStatus } from './enums.js';
import { PageInfo } from './page-info.js';

@ObjectType({
  simpleResolvers: true,
  description: 'One mail and what became of it. Its template is named, its text is nowhere.',
})
export class EmailLogEntry {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  template!: string;

  @Field(() => String)
  to!: string;

  @Field(() => String)
  from!: string;

  @Field(() => String)
  subject!: string;

  @Field(() => EmailStatus)
  status!: EmailLogEntryRecord['status'];

  @Field(() => Int)
  attempts!: number;

  @Field(() => String, { nullable: true, description: 'Why the last attempt failed, in a fixed phrase.' })
  error!: string | null;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true })
  sentAt!: Date | null;
}

@ObjectType({ simpleResolvers: true })
export class EmailLogEntryEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => EmailLogEntry)
  node!: EmailLogEntryRecord;
}

@ObjectType({ simpleResolvers: true })
export class EmailLogEntryConnection {
  @Field(() => [EmailLogEntryEdge])
  edges!: EmailLogEntryEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;
}
