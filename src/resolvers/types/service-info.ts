import { Field, Int, ObjectType } from 'type-graphql';
import { ExportFormat, RecoverySignInMode } from './enums.js';

@ObjectType({ description: 'What a client needs to know before anyone signs in.' })
export class ServiceInfo {
  @Field(() => String)
  siteName!: string;

  @Field(() => String)
  version!: string;

  @Field(() => Int)
  codesPerBatch!: number;

  @Field(() => Int, { description: 'Entropy of one code in bits, rounded down.' })
  codeEntropyBits!: number;

  @Field(() => Int)
  maxExpiryDays!: number;

  @Field(() => ExportFormat)
  defaultExportFormat!: 'TXT' | 'CSV' | 'PDF' | 'JSON';

  @Field(() => Boolean)
  isRegistrationOpen!: boolean;

  @Field(() => RecoverySignInMode)
  recoverySignIn!: 'ALONE' | 'WITH_PASSWORD' | 'OFF';

  @Field(() => Boolean)
  isEmailCopyEnabled!: boolean;

  @Field(() => String, { description: 'Where a page goes after signing out.' })
  afterSignOutUrl!: string;
}
