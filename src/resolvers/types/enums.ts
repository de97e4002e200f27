import { registerEnumType } from 'type-graphql';

function enumOf<const Value extends string>(
  name: string,
  values: readonly Value[],
  descriptions: Partial<Record<Value, string>> = {},
): { readonly [V in Value]: V } {
  const type = Object.fromEntries(values.map((value) => [value, value])) as { [V in Value]: V };
  const described = Object.entries<string | undefined>(descriptions);
  registerEnumType(type, {
    name,
    valuesConfig: Object.fromEntries(described.map(([value, description]) => [value, { description }])) as never,
  });
  return type;
}

export const Role = enumOf('Role', ['USER', 'ADMIN']);

export const SignInMethod = enumOf('SignInMethod', ['PASSWORD', 'RECOVERY_CODE', 'FEDERATED', 'SERVICE']);

export const BatchStatus = enumOf(
  'BatchStatus',
  ['ACTIVE', 'EXHAUSTED', 'EXPIRED', 'SUPERSEDED', 'PENDING_DELETION', 'PURGED'],
  {
    EXHAUSTED: 'Every code was used, invalidated or removed.',
    SUPERSEDED: 'A newer batch took its place.',
    PURGED: 'Its codes were purged; only this record is left.',
  },
);

export const CodeStatus = enumOf('CodeStatus', [
  'ACTIVE',
  'USED',
  'INVALIDATED',
  'EXPIRED',
  'SUPERSEDED',
  'PENDING_DELETION',
]);

export const VerificationOutcome = enumOf('VerificationOutcome', ['ACCEPTED', 'REJECTED'], {
  REJECTED: 'Wrong, used, expired, revoked or unknown: deliberately not told apart.',
});

export const SetupTestOutcome = enumOf('SetupTestOutcome', [
  'VERIFIED',
  'ALREADY_VERIFIED',
  'INVALID_CODE',
  'NO_ACTIVE_BATCH',
]);

export const RevocationOutcome = enumOf('RevocationOutcome', [
  'DONE',
  'ALREADY_USED',
  'ALREADY_INVALIDATED',
  'ALREADY_DELETED',
  'SUPERSEDED',
  'EXPIRED',
  'NOT_FOUND',
]);

export const ExportFormat = enumOf('ExportFormat', ['TXT', 'CSV', 'PDF', 'JSON']);

export const RecoverySignInMode = enumOf('RecoverySignInMode', ['ALONE', 'WITH_PASSWORD', 'OFF']);
