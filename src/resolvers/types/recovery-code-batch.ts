import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Batch, BatchStatus as BatchStatusName, CodeStatus as CodeStatusName } from '../../domain/codes/batch.js';
import type { ReadBy } from './account.js';
import { DateTime } from './date-time.js';
import { BatchStatus, CodeStatus } from './enums.js';
import { PageInfo } from './page-info.js';

export type BatchNode = Omit<Batch, 'deletedBy'> & ReadBy & { readonly deletedById: string | null };

@ObjectType({
  simpleResolvers: true,
  description: 'Codes issued together. The record outlives its codes, with their final counts.',
})
export class RecoveryCodeBatch {
  @Field(() => ID)
  id!: string;

  @Field(() => Int, { description: "1 for the account's first batch, and so on; printed on PDF and JSON exports." })
  number!: number;

  @Field(() => BatchStatus)
  status!: BatchStatusName;

  @Field(() => DateTime)
  createdAt!: Date;

  @Field(() => DateTime)
  updatedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Null when the codes never expire.' })
  expiresAt!: Date | null;

  @Field(() => Int)
  issuedCount!: number;

  @Field(() => Int)
  usedCount!: number;

  @Field(() => Int)
  invalidatedCount!: number;

  @Field(() => Int)
  removedCount!: number;

  @Field(() => Int, { description: 'Codes that would be accepted now.' })
  remainingCount!: number;

  @Field(() => DateTime, { nullable: true })
  viewedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  exportedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  emailedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  deletedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  purgedAt!: Date | null;
}

@ObjectType({ description: 'One code, without its plaintext and without its hash.' })
export class RecoveryCode {
  @Field(() => ID)
  id!: string;

  @Field(() => Int, {
    description: '1-based place in the batch, printed beside the code in CSV, PDF and JSON; in TXT the line number.',
  })
  position!: number;

  @Field(() => CodeStatus)
  status!: CodeStatusName;

  @Field(() => DateTime, { nullable: true })
  usedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  invalidatedAt!: Date | null;

  @Field(() => DateTime, { nullable: true })
  deletedAt!: Date | null;
}

@ObjectType({ simpleResolvers: true })
export class RecoveryCodeBatchEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => RecoveryCodeBatch)
  node!: BatchNode;
}

@ObjectType({ simpleResolvers: true })
export class RecoveryCodeBatchConnection {
  @Field(() => [RecoveryCodeBatchEdge])
  edges!: RecoveryCodeBatchEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  @Field(() => Int, { description: 'At most HISTORY_MAX_VISIBLE.' })
  totalCount!: number;
}
