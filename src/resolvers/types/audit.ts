import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { SignInMethod as SignInMethodName } from '../../domain/access/viewer.js';
import type { AuditAction as AuditActionName } from '../../domain/events/audit-actions.js';
import type { AuditEvent as AuditEventRecord } from '../../domain/events/read-audit.js';
import type { ReadBy } from './account.js';
import { DateTime } from './date-time.js';
import { AuditAction, SignInMethod } from './enums.js';
import { PageInfo } from './page-info.js';

/** Its actor and account are null where they are not the reader's business. */
export type AuditNode = AuditEventRecord & ReadBy;

const HIDDEN = 'Null for the owner where another account acted.';

@ObjectType({ simpleResolvers: true, description: 'What happened, once and for all.' })
export class AuditEvent {
  @Field(() => ID)
  id!: string;

  @Field(() => AuditAction)
  action!: AuditActionName;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => ID, { nullable: true })
  batchId!: string | null;

  @Field(() => Int, { nullable: true })
  issuedCount!: number | null;

  @Field(() => Int, { nullable: true })
  removedCount!: number | null;

  @Field(() => String, {
    nullable: true,
    description: "What it was about, such as a limit, a format, a task or a schedule's name.",
  })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: HIDDEN })
  ipAddress!: string | null;

  @Field(() => String, { nullable: true, description: `Recognised browser and system. ${HIDDEN}` })
  userAgent!: string | null;

  @Field(() => ID, { nullable: true })
  codeId!: string | null;

  @Field(() => Int, { description: 'How often, where a flood was folded into one event.' })
  count!: number;

  @Field(() => SignInMethod, { nullable: true, description: HIDDEN })
  method!: SignInMethodName | null;

  @Field(() => ID, { nullable: true, description: HIDDEN })
  sessionId!: string | null;

  @Field(() => ID, { nullable: true, description: HIDDEN })
  serviceKeyId!: string | null;
}

@ObjectType({ simpleResolvers: true })
export class AuditEventEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => AuditEvent)
  node!: AuditNode;
}

@ObjectType({ simpleResolvers: true })
export class AuditEventConnection {
  @Field(() => [AuditEventEdge])
  edges!: AuditEventEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  /** Of what they are a page, an account or a filter: counted only where somebody asks. */
  of!: { readonly accountId: string } | { readonly filter: AuditEventFilter };
}

@InputType()
export class AuditEventFilter {
  @Field(() => AuditAction, { nullable: true })
  action?: AuditActionName | null;

  @Field(() => ID, { nullable: true, description: 'Whom it concerns.' })
  accountId?: string | null;

  @Field(() => ID, { nullable: true })
  batchId?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'At that time or later.' })
  since?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Before that time.' })
  until?: Date | null;
}
