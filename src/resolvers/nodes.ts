import { actsFor, isActingAdmin, mayRead } from '../domain/access/rules.js';
import type { SignedIn, Viewer } from '../domain/access/viewer.js';
import { type Account, limitSubjectOf } from '../domain/accounts/account.js';
import type { ListedAccount } from '../domain/accounts/search-accounts.js';
import type { SignedInSession } from '../domain/accounts/sign-in.js';
import type { Session as SessionRecord } from '../domain/accounts/sessions.js';
import type { Batch } from '../domain/codes/batch.js';
import type { BatchPage } from '../domain/codes/read-batches.js';
import type { Report, ReportLine } from '../domain/cleanup/report.js';
import { reportCursorOf } from '../domain/cleanup/report-cursor.js';
import type { Schedule } from '../domain/cleanup/schedules/schedules.js';
import type { AuditEvent } from '../domain/events/read-audit.js';
import type { IssueCooldown } from '../domain/limits/limiter.js';
import type { EmailLogEntry } from '../domain/mail/read-email-log.js';
import { cursorOf, idCursorOf, type Page } from '../domain/paging.js';
import { timeCursorOf } from '../domain/time-order.js';
import type { AccountNode, Cooldown, Session } from './types/account.js';
import type { AccountConnection } from './types/account-list.js';
import type { AuditEventConnection, AuditNode } from './types/audit.js';
import type { ScheduleNode } from './types/cleanup.js';
import type { EmailLogEntryConnection } from './types/email-log.js';
import type { PageInfo } from './types/page-info.js';
import type { PurgeCount, PurgedBatchConnection, PurgeReportConnection, ReportNode } from './types/purge-report.js';
import type { BatchNode, RecoveryCodeBatchConnection } from './types/recovery-code-batch.js';

export function accountNode(account: Account, viewer: Viewer): AccountNode {
  return { ...account, viewer };
}

export function optionalAccountNode(account: Account | undefined, viewer: Viewer): AccountNode | null {
  return account === undefined ? null : accountNode(account, viewer);
}

export function accountConnection(
  page: Page<ListedAccount>,
  { search, after, viewer }: PageOf & Pick<AccountConnection, 'search'> & { readonly viewer: Viewer },
): AccountConnection {
  const edges = page.items.map((account) => ({ cursor: account.cursor, node: accountNode(account, viewer) }));
  return { edges, pageInfo: pageInfoOf(edges, page.hasMore, after), search };
}

/** Who deleted it stays in the copy, where no field reads it: a copy with one property less takes several times as long. */
export function batchNode(batch: Batch, viewer: Viewer): BatchNode {
  const mayKnow = actsFor(viewer, batch.deletedBy) || isActingAdmin(viewer);
  return { ...batch, deletedById: mayKnow ? batch.deletedBy : null, viewer };
}

export function optionalBatchNode(batch: Batch | undefined, viewer: Viewer): BatchNode | null {
  return batch === undefined ? null : batchNode(batch, viewer);
}

export function sessionNode(session: SessionRecord, viewer: Viewer): Session {
  return { ...session, isCurrent: viewer.kind === 'signed-in' && viewer.sessionId === session.id };
}

export function cooldownNode(cooldown: IssueCooldown): Cooldown {
  return cooldown === null ? { isActive: false, retryAt: null, retryAfterSeconds: 0 } : { isActive: true, ...cooldown };
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

export function reportNode(report: Report, viewer: Viewer): ReportNode {
  const cursor = report.cursor === null ? null : reportCursorOf(report.cursor);
  return { ...report, cursor, counts: countList(report.counts), viewer };
}

export function countList(counts: Readonly<Record<string, number>>): PurgeCount[] {
  return Object.entries(counts).map(([name, count]) => ({ name, count }));
}

export function scheduleNode(schedule: Schedule, viewer: Viewer): ScheduleNode {
  return { ...schedule, viewer };
}

export function optionalScheduleNode(schedule: Schedule | undefined, viewer: Viewer): ScheduleNode | null {
  return schedule === undefined ? null : scheduleNode(schedule, viewer);
}

interface PageOf {
  readonly after?: string | null | undefined;
}

export function reportConnection(
  page: Page<Report>,
  { of, after, viewer }: PageOf & Pick<PurgeReportConnection, 'of'> & { readonly viewer: Viewer },
): PurgeReportConnection {
  const edges = page.items.map((report) => ({ cursor: idCursorOf(report.id), node: reportNode(report, viewer) }));
  return { edges, pageInfo: pageInfoOf(edges, page.hasMore, after), of };
}

export function lineConnection(
  page: Page<ReportLine>,
  { reportId, after }: PageOf & { readonly reportId: string },
): PurgedBatchConnection {
  const edges = page.items.map((line) => ({ cursor: idCursorOf(line.batchId), node: line }));
  return { edges, pageInfo: pageInfoOf(edges, page.hasMore, after), reportId };
}

const ELSEWHERE = { ipAddress: null, userAgent: null, method: null, sessionId: null, serviceKeyId: null };

/** How and from where another account acted, and which, is not its owner's business. */
export function auditNode(event: AuditEvent, viewer: Viewer): AuditNode {
  const { actorId, accountId } = event;
  const isActorHidden = actorId !== null && !mayRead(viewer, actorId);
  return {
    ...event,
    ...(isActorHidden && { ...ELSEWHERE, actorId: null }),
    accountId: mayRead(viewer, accountId) ? accountId : null,
    viewer,
  };
}

export function auditConnection(
  page: Page<AuditEvent>,
  { of, after, viewer }: PageOf & Pick<AuditEventConnection, 'of'> & { readonly viewer: Viewer },
): AuditEventConnection {
  const edges = page.items.map((event) => ({ cursor: timeCursorOf(event), node: auditNode(event, viewer) }));
  return { edges, pageInfo: pageInfoOf(edges, page.hasMore, after), of };
}

export function emailLogConnection(page: Page<EmailLogEntry>, { after }: PageOf): EmailLogEntryConnection {
  const edges = page.items.map((entry) => ({ cursor: timeCursorOf(entry), node: entry }));
  return { edges, pageInfo: pageInfoOf(edges, page.hasMore, after) };
}

function pageInfoOf(
  edges: readonly { readonly cursor: string }[],
  hasNextPage: boolean,
  after: string | null | undefined,
): PageInfo {
  const [first, last] = [edges[0], edges.at(-1)];
  // Only a page that returned it knows this cursor: there is something before it.
  const hasPreviousPage = typeof after === 'string';
  return { hasNextPage, hasPreviousPage, startCursor: first?.cursor ?? null, endCursor: last?.cursor ?? null };
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
