/** Who asks. `owner` is whom the asked-for thing belongs to. */
export const VIEWERS = ['anonymous', 'rejected', 'owner', 'other', 'admin', 'adminByCode'] as const;

export type ViewerName = (typeof VIEWERS)[number];

/**
 * What every operation answers to whom, where the arguments name something of the owner's (the id, address, batch, code
 * or session), whoever asks:
 *   anonymous: no token · rejected: a token that is none · owner · other: somebody else · admin: in a PASSWORD session ·
 *   adminByCode: an admin in a RECOVERY_CODE session
 * A cell is an error's code, null, the payload's outcome, or answer for any other answer.
 */
const OPERATIONS = `
                                   anonymous        rejected         owner            other            admin            adminByCode
  Query.service                    answer           answer           answer           answer           answer           answer
  Query.me                         null             UNAUTHENTICATED  answer           answer           answer           answer
  Query.account                    UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.recoveryCodeBatch          UNAUTHENTICATED  UNAUTHENTICATED  answer           null             answer           null
  # Of one's own account only: the owner's codes mean nothing to others.
  Mutation.generateRecoveryCodes   UNAUTHENTICATED  UNAUTHENTICATED  answer           answer           answer           answer
  Mutation.testRecoveryCode        UNAUTHENTICATED  UNAUTHENTICATED  VERIFIED         INVALID_CODE     INVALID_CODE     INVALID_CODE
  Mutation.verifyRecoveryCode      UNAUTHENTICATED  UNAUTHENTICATED  ACCEPTED         REJECTED         REJECTED         REJECTED
  Mutation.markRecoveryCodesViewed UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        NOT_FOUND        NOT_FOUND
  Mutation.exportRecoveryCodes     UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        NOT_FOUND        NOT_FOUND
  Mutation.emailRecoveryCodes      UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        NOT_FOUND        NOT_FOUND
  # By id: the owner, or an admin for anybody.
  Mutation.invalidateRecoveryCode  UNAUTHENTICATED  UNAUTHENTICATED  DONE             NOT_FOUND        DONE             NOT_FOUND
  Mutation.deleteRecoveryCode      UNAUTHENTICATED  UNAUTHENTICATED  DONE             NOT_FOUND        DONE             NOT_FOUND
  Mutation.deleteRecoveryCodeBatch UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        answer           NOT_FOUND
  # What is given proves who it is, whatever token the request carries.
  Mutation.register                answer           answer           answer           answer           answer           answer
  Mutation.resendEmailVerification answer           answer           answer           answer           answer           answer
  Mutation.signIn                  answer           answer           answer           answer           answer           answer
  Mutation.signInWithRecoveryCode  answer           answer           answer           answer           answer           answer
  Mutation.refreshSession          answer           answer           answer           answer           answer           answer
  Mutation.requestPasswordReset    answer           answer           answer           answer           answer           answer
  # The token is the owner's: somebody else who is signed in cannot use it.
  Mutation.resetPassword           answer           answer           answer           INVALID_TOKEN    INVALID_TOKEN    INVALID_TOKEN
  Mutation.confirmEmailChange      answer           answer           answer           INVALID_TOKEN    INVALID_TOKEN    INVALID_TOKEN
  # Of one's own account only, by its password: that of the admin is another.
  Mutation.changePassword          UNAUTHENTICATED  UNAUTHENTICATED  answer           answer           INVALID_CREDENTIALS INVALID_CREDENTIALS
  Mutation.requestEmailChange      UNAUTHENTICATED  UNAUTHENTICATED  answer           answer           INVALID_CREDENTIALS INVALID_CREDENTIALS
  Mutation.cancelEmailChange       UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        NOT_FOUND        NOT_FOUND
  Mutation.deleteMyAccount         UNAUTHENTICATED  UNAUTHENTICATED  answer           answer           INVALID_CREDENTIALS INVALID_CREDENTIALS
  # The token is of a new account, as which nobody can be signed in yet.
  Mutation.verifyEmail             answer           answer           INVALID_TOKEN    INVALID_TOKEN    INVALID_TOKEN    INVALID_TOKEN
  Mutation.signOut                 UNAUTHENTICATED  UNAUTHENTICATED  answer           answer           answer           answer
  # One's own sessions, or for an admin anybody's.
  Mutation.revokeSession           UNAUTHENTICATED  UNAUTHENTICATED  answer           NOT_FOUND        answer           NOT_FOUND
  Mutation.revokeOtherSessions     UNAUTHENTICATED  UNAUTHENTICATED  answer           FORBIDDEN        answer           FORBIDDEN
  # Admins only.
  Mutation.unlockAccount           UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.resetSetup              UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.deleteAccount           UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.cleanupSchedules           UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.cleanupSchedule            UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.purgeReports               UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.purgeReport                UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.signingKeys                UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.rotateSigningKey        UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.jobCounts                  UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.createCleanupSchedule   UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.updateCleanupSchedule   UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.setCleanupScheduleEnabled UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.deleteCleanupSchedule   UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.runCleanupSchedule      UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.runCleanup              UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.cancelCleanup           UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.purgeRecoveryCodeBatch  UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.flushJobs               UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.accounts                   UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.auditEvents                UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.emailLog                   UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.settingsCheck              UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.oidcClients                UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.saveOidcClient          UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.deleteOidcClient        UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Query.serviceKeys                UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.createServiceKey        UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
  Mutation.revokeServiceKey        UNAUTHENTICATED  UNAUTHENTICATED  FORBIDDEN        FORBIDDEN        answer           FORBIDDEN
`;

/**
 * What every subscription gives to whom, once something happens that it tells of. `closed` is the socket itself: whoever is
 * not signed in gets none. The others keep theirs, and the code is that of the subscription's error.
 */
const SUBSCRIPTIONS = `
                                     anonymous  rejected   owner      other      admin      adminByCode
  Subscription.purgeReported         closed     closed     FORBIDDEN  FORBIDDEN  answer     FORBIDDEN
  Subscription.purgeProgressed       closed     closed     FORBIDDEN  FORBIDDEN  answer     FORBIDDEN
  # To each his own batches.
  Subscription.recoveryCodesChanged  closed     closed     answer     answer     answer     answer
`;

function accessIn(table: string): ReadonlyMap<string, readonly string[]> {
  const lines = table.split('\n').map((line) => line.trim());
  const rows = lines.filter((line) => /^\w+\./.test(line)).map((line) => line.split(/ +/));
  return new Map(rows.map(([operation = '', ...cells]) => [operation, cells]));
}

const operationAccess = accessIn(OPERATIONS);
const subscriptionAccess = accessIn(SUBSCRIPTIONS);

/**
 * Who may read a field of an object that was given to him, by whichever path:
 *   holder: whoever holds the object · self: the account that it is about or an acting admin, FORBIDDEN to others and
 *   UNAUTHENTICATED with a rejected token · hidden: an account that is shown to itself and to an acting admin, null to
 *   others · veiled: how and from where an account acted, shown to that account and to an acting admin, null to others ·
 *   current: true of the session that the reader is in, false of any other
 */
export type FieldAccess = 'holder' | 'self' | 'hidden' | 'veiled' | 'current';

const fields = (type: string, access: FieldAccess, names: string): Record<string, FieldAccess> =>
  Object.fromEntries(names.split(' ').map((name) => [`${type}.${name}`, access]));

/** Every field of every object type. */
export const FIELD_ACCESS: Readonly<Record<string, FieldAccess>> = {
  // What the holder of a mailed token reads too.
  ...fields('Account', 'holder', 'id email emailVerifiedAt role createdAt'),
  ...fields('Account', 'self', 'externalId origin lastSignedInAt setupVerifiedAt'),
  ...fields('Account', 'self', 'activeBatch batches generateCooldown sessions auditEvents pendingEmailChange'),
  ...fields('PendingEmailChange', 'holder', 'newEmail confirmedByCurrent confirmedByNew expiresAt'),

  ...fields('Session', 'holder', 'id createdAt lastUsedAt expiresAt userAgent ipAddress method'),
  ...fields('Session', 'current', 'isCurrent'),
  ...fields('Cooldown', 'holder', 'isActive retryAt retryAfterSeconds'),

  ...fields('RecoveryCodeBatch', 'holder', 'id number status createdAt updatedAt expiresAt account codes'),
  ...fields('RecoveryCodeBatch', 'holder', 'issuedCount usedCount invalidatedCount removedCount remainingCount isLow'),
  ...fields('RecoveryCodeBatch', 'holder', 'viewedAt exportedAt emailedAt deletedAt purgedAt'),
  ...fields('RecoveryCodeBatch', 'hidden', 'deletedBy'),
  ...fields('RecoveryCodeBatchConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('RecoveryCodeBatchEdge', 'holder', 'cursor node'),
  ...fields('PageInfo', 'holder', 'hasNextPage hasPreviousPage startCursor endCursor'),
  ...fields('RecoveryCode', 'holder', 'id position status usedAt invalidatedAt deletedAt'),

  ...fields('AuditEvent', 'holder', 'id action createdAt batchId codeId issuedCount removedCount reason count'),
  ...fields('AuditEvent', 'hidden', 'actor account'),
  ...fields('AuditEvent', 'veiled', 'ipAddress userAgent method sessionId serviceKeyId'),
  ...fields('AuditEventConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('AuditEventEdge', 'holder', 'cursor node'),

  ...fields('ServiceInfo', 'holder', 'siteName version codesPerBatch codeEntropyBits maxExpiryDays'),
  ...fields('ServiceInfo', 'holder', 'defaultExportFormat isRegistrationOpen recoverySignIn isEmailCopyEnabled'),
  ...fields('ServiceInfo', 'holder', 'afterSignOutUrl'),

  ...fields('SignInPayload', 'holder', 'accessToken accessTokenExpiresAt refreshToken account session remainingCount'),
  ...fields('AcknowledgedPayload', 'holder', 'acknowledged'),
  ...fields('GenerateRecoveryCodesPayload', 'holder', 'batch codes copyAvailableUntil'),
  ...fields('IssuedRecoveryCode', 'holder', 'position code'),
  ...fields('TestRecoveryCodePayload', 'holder', 'outcome setupVerifiedAt'),
  ...fields('VerifyRecoveryCodePayload', 'holder', 'outcome batch'),
  ...fields('RevokeRecoveryCodePayload', 'holder', 'outcome batch'),
  ...fields('DeleteRecoveryCodeBatchPayload', 'holder', 'batch'),
  ...fields('ExportRecoveryCodesPayload', 'holder', 'file batch'),
  ...fields('ExportedFile', 'holder', 'name mediaType content'),
  ...fields('EmailRecoveryCodesPayload', 'holder', 'batch message'),

  // Given to admins only.
  ...fields('CleanupSchedule', 'holder', 'id name task type cron timeZone runAt nextRunAt lastRunAt isEnabled'),
  ...fields('CleanupSchedule', 'holder', 'retentionDays deleteEmptyBatches maxDeletionsPerRun useLogger emailReport'),
  ...fields('CleanupSchedule', 'holder', 'lastReport reports'),
  ...fields(
    'PurgeReport',
    'holder',
    'id cursor task status trigger isDryRun schedule scheduleName startedBy startedAt',
  ),
  ...fields(
    'PurgeReport',
    'holder',
    'finishedAt durationMs retentionDays counts total isCapped emailStatus error batches',
  ),
  ...fields('PurgeCount', 'holder', 'name count'),
  ...fields('PurgeReportConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('PurgeReportEdge', 'holder', 'cursor node'),
  ...fields('PurgedBatch', 'holder', 'batchId accountId issuedCount usedCount purgedCount remainingRows isBatchPurged'),
  ...fields('PurgedBatchConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('PurgedBatchEdge', 'holder', 'cursor node'),
  ...fields('SigningKey', 'holder', 'kid algorithm isCurrent createdAt expiresAt'),
  ...fields('FlushJobsPayload', 'holder', 'counts total isDryRun'),
  ...fields('PurgeProgress', 'holder', 'reportId task done eligible'),
  ...fields('AccountConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('AccountEdge', 'holder', 'cursor node'),
  ...fields('EmailLogEntry', 'holder', 'id template to from subject status attempts error createdAt sentAt'),
  ...fields('EmailLogEntryConnection', 'holder', 'edges pageInfo totalCount'),
  ...fields('EmailLogEntryEdge', 'holder', 'cursor node'),
  ...fields('SettingProblem', 'holder', 'id setting severity message hint'),
  ...fields('OidcClient', 'holder', 'id name issuer audience jwksUri acceptIdTokens keyCount keysFetchedAt'),
  ...fields('OidcClient', 'holder', 'lastError isEnabled'),
  ...fields('ServiceKey', 'holder', 'id name realm operations createdAt lastUsedAt expiresAt revokedAt'),
  ...fields('CreateServiceKeyPayload', 'holder', 'serviceKey secret'),
};

export const OPERATIONS_WITH_ACCESS: readonly string[] = [...operationAccess.keys()];
export const SUBSCRIPTIONS_WITH_ACCESS: readonly string[] = [...subscriptionAccess.keys()];

/** What an operation, or a subscription, answers to a viewer. */
export function operationAnswer(operation: string, viewer: ViewerName): string {
  const row = operationAccess.get(operation) ?? subscriptionAccess.get(operation);
  const cell = row?.[VIEWERS.indexOf(viewer)];
  if (cell === undefined) throw new Error(`Say in the table of operations what ${operation} answers to ${viewer}.`);
  return cell;
}

/** Who may read `Type.field`. */
export function fieldAccess(field: string): FieldAccess {
  const access = FIELD_ACCESS[field];
  if (access === undefined) throw new Error(`Say in FIELD_ACCESS who may read ${field}.`);
  return access;
}
