import { setTimeout as delay } from 'node:timers/promises';
import { rejected, type Viewer } from '../access/viewer.js';
import type { VerifiedClaims } from '../accounts/access-tokens.js';
import type { SigningKeys } from '../accounts/signing-keys.js';
import { signedInByEach } from '../accounts/sessions.js';
import type { Database } from '../database.js';
import type { Signals } from '../signals.js';
import { FreshRead } from './fresh-read.js';
import { type LiveSession, Member } from './live-session.js';

/** As old as what is known of a session may be. A role or an account can be lost without a signal. */
const FRESH_FOR_MS = 5_000;
/** So that it is read anew before it is too old. */
const READ_EVERY_MS = 4_000;
const AGAIN_AFTER_MS = 250;

interface Known {
  readonly members: Set<Member>;
  /** When the read of what is known began. */
  readAt: number;
}

interface Parts {
  readonly db: Database;
  readonly signals: Signals;
  readonly keys: Pick<SigningKeys, 'publicKey'>;
  readonly onFault: (error: unknown) => void;
}

/**
 * The sessions behind the open sockets of this process. All of them are read together: at least every few seconds, and
 * before each event while nothing can be heard of sessions that end. A socket ends with the key of its token, too.
 */
export class LiveSessions {
  readonly #known = new Map<string, Known>();
  readonly #read = new FreshRead(() => this.#readDue());
  #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: Parts) {
    parts.signals.on('sparekey_session_ended', (sessionId) => this.#end(sessionId));
    parts.signals.on('sparekey_keys_changed', () => this.#readAll());
    parts.signals.onGap(() => this.#readAll());
  }

  /**
   * Follows the session of a token from here on; undefined where it lets nobody in. `onEnd` is called when the token
   * expires or its key is revoked, or the session, its account or the account's role are lost.
   */
  async enter(
    { sessionId, accountId, expiresAt, kid }: VerifiedClaims,
    onEnd: () => void,
  ): Promise<LiveSession | undefined> {
    const check = (each: Member) => this.#check(each);
    const onOver = (each: Member) => this.#forget(each);
    const member = new Member(sessionId, accountId, { expiresAt, kid, check, onEnd: () => this.#tell(onEnd), onOver });
    // Before it is read, so that a session that ends meanwhile is heard.
    this.#remember(member);
    try {
      await this.#readSession(sessionId);
    } catch (error) {
      member.leave();
      throw error;
    }
    return member.isOver ? undefined : member;
  }

  #check(member: Member): Viewer | Promise<Viewer> {
    if (member.isOver) return rejected;
    const { readAt = Number.NEGATIVE_INFINITY } = this.#known.get(member.sessionId) ?? {};
    const isFresh = this.parts.signals.isUp && performance.now() - readAt < FRESH_FOR_MS;
    return isFresh ? member.viewer : this.#checkAnew(member);
  }

  async #checkAnew(member: Member): Promise<Viewer> {
    while (!member.isOver) {
      try {
        await this.#readSession(member.sessionId);
        return member.viewer;
      } catch (error) {
        this.parts.onFault(error);
        await delay(AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
    return rejected;
  }

  async #readSession(sessionId: string): Promise<void> {
    this.#due.add(sessionId);
    await this.#read.get();
  }

  #readAll(): void {
    for (const sessionId of this.#known.keys()) this.#due.add(sessionId);
    if (this.#due.size > 0) this.#read.get().catch((error: unknown) => this.parts.onFault(error));
  }

  async #readDue(): Promise<void> {
    const ids = [...this.#due];
    this.#due = new Set();
    const readAt = performance.now();
    const found = await signedInByEach(this.parts.db, ids);
    const endedKeys = await this.#endedKeysOf(ids);
    for (const id of ids) {
      const known = this.#known.get(id);
      if (known === undefined) continue;
      known.readAt = readAt;
      for (const member of known.members) {
        if (endedKeys.has(member.kid)) member.end();
        else member.read(found.get(id));
      }
    }
  }

  async #endedKeysOf(sessionIds: readonly string[]): Promise<ReadonlySet<string | undefined>> {
    const members = sessionIds.flatMap((id) => [...(this.#known.get(id)?.members ?? [])]);
    const ended = new Set<string | undefined>();
    for (const kid of new Set(members.map((member) => member.kid))) {
      if (kid !== undefined && (await this.parts.keys.publicKey(kid)) === undefined) ended.add(kid);
    }
    return ended;
  }

  #end(sessionId: string): void {
    for (const member of this.#known.get(sessionId)?.members ?? []) member.end();
  }

  #remember(member: Member): void {
    const known = this.#known.get(member.sessionId) ?? { members: new Set(), readAt: Number.NEGATIVE_INFINITY };
    known.members.add(member);
    this.#known.set(member.sessionId, known);
    this.#timer ??= setInterval(() => this.#readAll(), READ_EVERY_MS).unref();
  }

  #forget(member: Member): void {
    const known = this.#known.get(member.sessionId);
    known?.members.delete(member);
    if (known?.members.size === 0) this.#known.delete(member.sessionId);
    if (this.#known.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One socket that cannot be closed must not keep others open. */
  #tell(onEnd: () => void): void {
    try {
      onEnd();
    } catch (error) {
      this.parts.onFault(error);
    }
  }
}
