import { requireAdmin, requireSignedIn } from '../access/rules.js';
import type { Origin } from '../access/viewer.js';
import type { AccessTokens, VerifiedClaims } from '../accounts/access-tokens.js';
import type { SigningKeys } from '../accounts/signing-keys.js';
import type { Report } from '../cleanup/report.js';
import { placeOfCursor } from '../cleanup/report-cursor.js';
import type { TaskName } from '../cleanup/registry.js';
import type { Batch } from '../codes/batch.js';
import type { Database } from '../database.js';
import type { Federation } from '../issuers/federation.js';
import type { Signals } from '../signals.js';
import { authorizedEvents } from './authorized-events.js';
import { BatchFeed } from './batch-feed.js';
import type { EventStream } from './event-stream.js';
import type { LiveSession } from './live-session.js';
import { LiveSessions } from './live-sessions.js';
import { ProgressFeed, type RunProgress } from './progress-feed.js';
import { ReportFeed } from './report-feed.js';

interface Parts {
  readonly signals: Signals;
  readonly accessTokens: AccessTokens;
  readonly federation: Federation;
  readonly keys: Pick<SigningKeys, 'publicKey'>;
  /** Told of what could not be read for the moment, and is tried again. */
  readonly onFault: (error: unknown) => void;
}

/** What clients hear as it happens, in whichever process it happens, each for as long as its session may have it. */
export class LiveFeeds {
  readonly #sessions: LiveSessions;
  readonly #reports: ReportFeed;
  readonly #progress: ProgressFeed;
  readonly #batches: BatchFeed;
  readonly #tokens: Pick<Parts, 'accessTokens' | 'federation'>;

  constructor(db: Database, { signals, keys, onFault, ...tokens }: Parts) {
    const parts = { db, signals, onFault };
    this.#sessions = new LiveSessions({ ...parts, keys });
    this.#reports = new ReportFeed(parts);
    this.#progress = new ProgressFeed(parts);
    this.#batches = new BatchFeed(parts);
    this.#tokens = tokens;
  }

  /** How many streams are open. */
  get size(): number {
    return this.#reports.size + this.#progress.size + this.#batches.size;
  }

  /**
   * Follows the session of an access token, ours or a trusted issuer's; undefined for a token that is neither, or not
   * valid any more. `onEnd` is called when that which was followed has ended, and every stream of it with it.
   */
  async enter(token: string, onEnd: () => void, origin: Origin): Promise<LiveSession | undefined> {
    const claims = await this.#claimsOf(token, origin);
    return claims && (await this.#sessions.enter(claims, onEnd));
  }

  async #claimsOf(token: string, origin: Origin): Promise<VerifiedClaims | undefined> {
    const federated = await this.#tokens.federation.signIn(token, origin);
    if (federated === undefined) return await this.#tokens.accessTokens.verify(token);
    return federated === 'refused'
      ? undefined
      : { ...federated.signedIn, expiresAt: federated.expiresAt, kid: undefined };
  }

  /**
   * The reports of runs as they end, after first those that ended behind `after`, a report's cursor. Admin.
   * @throws UnauthenticatedError, ForbiddenError, BadUserInputError
   */
  async purgeReports(
    session: LiveSession,
    { task, after }: { readonly task?: TaskName | null; readonly after?: string | null },
  ): Promise<EventStream<Report>> {
    requireAdmin(session.viewer);
    const place = typeof after === 'string' ? placeOfCursor(after) : undefined;
    const stream = await this.#reports.open({ task: task ?? undefined, after: place });
    return authorizedEvents(stream, session, requireAdmin);
  }

  /** How far one run has come, or any. Admin. @throws UnauthenticatedError, ForbiddenError */
  purgeProgress(session: LiveSession, reportId: string | null | undefined): EventStream<RunProgress> {
    requireAdmin(session.viewer);
    return authorizedEvents(this.#progress.open(reportId ?? undefined), session, requireAdmin);
  }

  /** The viewer's current batch, if any, then each of its batches that changed. @throws UnauthenticatedError */
  ownBatches(session: LiveSession): EventStream<Batch> {
    const { accountId } = requireSignedIn(session.viewer);
    return authorizedEvents(this.#batches.open(accountId), session, requireSignedIn);
  }
}
