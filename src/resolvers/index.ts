import { AccountResolver } from './account-resolver.js';
import { RecoveryCodeBatchResolver } from './recovery-code-batch-resolver.js';
import { RecoveryCodesResolver } from './recovery-codes-resolver.js';
import { RegistrationResolver } from './registration-resolver.js';
import { ServiceResolver } from './service-resolver.js';
import { SignInResolver } from './sign-in-resolver.js';

export const resolvers = [
  ServiceResolver,
  AccountResolver,
  RecoveryCodeBatchResolver,
  RecoveryCodesResolver,
  RegistrationResolver,
  SignInResolver,
] as const;
