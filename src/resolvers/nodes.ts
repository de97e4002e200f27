import { isActingAdmin, isOwner } from '../domain/access/rules.js';
import type { SignedIn, Viewer } from '../domain/access/viewer.js';
import { type Account, limitSubjectOf } from '../domain/accounts/account.js';
import type { SignedInSession } from '../domain/accounts/sign-in.js';
import type { Session as SessionRecord } from '../domain/accounts/sessions.js';
import type { Batch } from '../domain/codes/batch.js';
import type { BatchPage } from '../domain/codes/read-batches.js';
import { cursorOf } from '../domain/paging.js';
import type { AccountNode, Session } from './types/account.js';
import type { BatchNode, RecoveryCodeBatchConnection } from './types/recovery-code-batch.js';

export function accountNode(account: Account, viewer: Viewer): AccountNode {
  return { ...account, viewer };
}

/** Who deleted it stays in the copy, where no field reads it: a copy with one property less takes several times as long. */
export function batchNode(batch: Batch, viewer: Viewer): BatchNode {
  const mayKnow = isOwner(viewer, batch.deletedBy) || isActingAdmin(viewer);
  return { ...batch, deletedById: mayKnow ? batch.deletedBy : null, viewer };
}

export function optionalBatchNode(batch: Batch | undefined, viewer: Viewer): BatchNode | null {
  return batch === undefined ? null : batchNode(batch, viewer);
}

export function sessionNode(session: SessionRecord, viewer: Viewer): Session {
  return { ...session, isCurrent: viewer.kind === 'signed-in' && viewer.sessionId === session.id };
}

export function batchConnection(page: BatchPage, viewer: Viewer): RecoveryCodeBatchConnection {
  const edges = page.batches.map((batch) => ({ cursor: cursorOf(batch.number), node: batchNode(batch, viewer) }));
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasOlder,
      hasPreviousPage: page.hasNewer,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: page.totalCount,
  };
}

/** Whoever just signed in reads the answer as that account, whatever the request's own token said. */
export function viewerOf({ session, account }: SignedInSession): SignedIn {
  return {
    kind: 'signed-in',
    accountId: account.id,
    limitSubject: limitSubjectOf(account),
    role: account.role,
    sessionId: session.id,
    method: session.method,
    secondsSinceAuthentication: 0,
  };
}
