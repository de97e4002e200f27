import type { SignedIn } from '../access/viewer.js';
import type { Database } from '../database.js';
import type { Signals } from '../signals.js';
import { findLiveSession, type KnownSession } from './sessions.js';

/** As old as an answer may be. A role or an account can be lost without a word. */
const FRESH_FOR_MS = 5_000;
const MOST_SESSIONS = 10_000;

interface Read {
  /** When it began. */
  readonly at: number;
  readonly found: Promise<KnownSession | undefined>;
}

interface Parts {
  readonly signals: Signals;
  /** More than so many are not remembered at a time: those asked for last are. */
  readonly mostSessions?: number;
}

/**
 * Who is behind a session, by at most one statement: what was read is known for a few seconds, as long as it is heard of
 * sessions that end, by whichever process. While nothing can be heard, each question is a statement. What is irrevocable
 * (spending, issuing, taking codes out) checks the session once more, in its own statement.
 */
export class SessionCache {
  /** In the order of the last question. Only what let somebody in is kept. */
  readonly #reads = new Map<string, Read>();

  constructor(
    private readonly db: Database,
    private readonly parts: Parts,
  ) {
    parts.signals.on('sparekey_session_ended', (sessionId) => this.forget([sessionId]));
    parts.signals.onGap(() => this.#reads.clear());
  }

  /** How many sessions are known at the moment. */
  get size(): number {
    return this.#reads.size;
  }

  /** The caller behind a session; undefined where it lets nobody in. */
  async find(sessionId: string): Promise<SignedIn | undefined> {
    const read = this.#known(sessionId) ?? this.#begin(sessionId);
    const known = await read.found;
    if (known === undefined) return undefined;
    const { signedIn, secondsLeft } = known;
    const seconds = (performance.now() - read.at) / 1_000;
    if (seconds >= secondsLeft) return undefined;
    return { ...signedIn, secondsSinceAuthentication: signedIn.secondsSinceAuthentication + seconds };
  }

  /** For whoever ends sessions in this process, after the commit: here it holds at once. The others hear of it. */
  forget(sessionIds: readonly string[]): void {
    for (const sessionId of sessionIds) this.#reads.delete(sessionId);
  }

  #known(sessionId: string): Read | undefined {
    // What is said from here on is lost, so that nothing that is known may outlast it.
    if (!this.parts.signals.isUp) this.#reads.clear();
    const read = this.#reads.get(sessionId);
    if (read === undefined || performance.now() - read.at >= FRESH_FOR_MS) return undefined;
    this.#reads.delete(sessionId);
    this.#reads.set(sessionId, read);
    return read;
  }

  #begin(sessionId: string): Read {
    const read = { at: performance.now(), found: findLiveSession(this.db, sessionId) };
    if (!this.parts.signals.isUp) return read;
    this.#reads.delete(sessionId);
    this.#reads.set(sessionId, read);
    this.#bound();
    const drop = () => void (this.#reads.get(sessionId) === read && this.#reads.delete(sessionId));
    read.found.then((known) => known ?? drop(), drop);
    return read;
  }

  #bound(): void {
    const { mostSessions = MOST_SESSIONS } = this.parts;
    for (const oldest of this.#reads.keys()) {
      if (this.#reads.size <= mostSessions) return;
      this.#reads.delete(oldest);
    }
  }
}
