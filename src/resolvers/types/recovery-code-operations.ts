import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { RevocationOutcome as RevocationOutcomeName } from '../../domain/codes/revoke-code.js';
import { DateTime } from './date-time.js';
import { RevocationOutcome, SetupTestOutcome, VerificationOutcome } from './enums.js';
import { type BatchNode, RecoveryCodeBatch } from './recovery-code-batch.js';

@InputType()
export class GenerateRecoveryCodesInput {
  @Field(() => Int, { nullable: true, description: '1 to MAX_EXPIRY_DAYS; absent or null: the codes never expire.' })
  expiresInDays?: number | null;

  @Field(() => String, { nullable: true, description: 'Instead of a recent sign-in (STEP_UP_SECONDS).' })
  currentPassword?: string | null;
}

@ObjectType({ description: 'One code in plaintext, as it is to be printed.' })
export class IssuedRecoveryCode {
  @Field(() => Int)
  position!: number;

  @Field(() => String)
  code!: string;
}

@ObjectType()
export class GenerateRecoveryCodesPayload {
  @Field(() => RecoveryCodeBatch)
  batch!: BatchNode;

  @Field(() => [IssuedRecoveryCode], { description: 'The plaintext; returned again only by the one export.' })
  codes!: IssuedRecoveryCode[];

  @Field(() => DateTime, {
    nullable: true,
    description: 'Until when this session can still export or mail them; null when no copy is kept.',
  })
  copyAvailableUntil!: Date | null;
}

@ObjectType()
export class VerifyRecoveryCodePayload {
  @Field(() => VerificationOutcome)
  outcome!: 'ACCEPTED' | 'REJECTED';

  @Field(() => RecoveryCodeBatch, { nullable: true })
  batch!: BatchNode | null;
}

@ObjectType()
export class TestRecoveryCodePayload {
  @Field(() => SetupTestOutcome)
  outcome!: 'VERIFIED' | 'ALREADY_VERIFIED' | 'INVALID_CODE' | 'NO_ACTIVE_BATCH';

  @Field(() => DateTime, { nullable: true })
  setupVerifiedAt!: Date | null;
}

@InputType({ description: 'Exactly one of code (as printed) and codeId.' })
export class RecoveryCodeSelector {
  @Field(() => String, { nullable: true })
  code?: string | null;

  @Field(() => ID, { nullable: true })
  codeId?: string | null;
}

@ObjectType()
export class RevokeRecoveryCodePayload {
  @Field(() => RevocationOutcome)
  outcome!: RevocationOutcomeName;

  @Field(() => RecoveryCodeBatch, { nullable: true })
  batch!: BatchNode | null;
}

@ObjectType()
export class DeleteRecoveryCodeBatchPayload {
  @Field(() => RecoveryCodeBatch)
  batch!: BatchNode;
}

@ObjectType()
export class ExportedFile {
  @Field(() => String, { description: 'EXPORT_FILE_NAME and the extension.' })
  name!: string;

  @Field(() => String)
  mediaType!: string;

  @Field(() => String, { description: "The file's bytes, base64." })
  content!: string;
}

@ObjectType()
export class ExportRecoveryCodesPayload {
  @Field(() => ExportedFile)
  file!: ExportedFile;

  @Field(() => RecoveryCodeBatch)
  batch!: BatchNode;
}

@ObjectType()
export class EmailRecoveryCodesPayload {
  @Field(() => RecoveryCodeBatch)
  batch!: BatchNode;

  @Field(() => String, { description: 'EMAIL_SUCCESS_MESSAGE.' })
  message!: string;
}
