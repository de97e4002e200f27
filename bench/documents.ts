/** The operations that are measured, with the fields that an app usually asks for. */
const BATCH = 'id number status createdAt expiresAt issuedCount usedCount remainingCount isLow';

export const GENERATE = `mutation Generate { generateRecoveryCodes { batch { ${BATCH} } codes { position code } copyAvailableUntil } }`;

export const VERIFY = `mutation Verify($code: String!) { verifyRecoveryCode(code: $code) { outcome batch { ${BATCH} } } }`;

export const SIGN_IN = `mutation SignIn($email: String!, $code: String!) {
  signInWithRecoveryCode(email: $email, code: $code) { accessToken refreshToken remainingCount account { id email } session { id } }
}`;

export const REFRESH = `mutation Refresh($token: String!) {
  refreshSession(refreshToken: $token) { accessToken refreshToken account { id email } session { id } }
}`;

export const HISTORY = `query History {
  me {
    id
    batches(first: 10) {
      edges { cursor node { ${BATCH.replace(' isLow', '')} } }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
}`;

/** What a dashboard shows of a report at once. */
export const PURGE_REPORTED = `subscription Reported {
  purgeReported {
    id task status trigger isDryRun startedAt finishedAt durationMs retentionDays
    counts { name count } total isCapped error cursor
  }
}`;
