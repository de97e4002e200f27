import { rejected, type SignedIn, type Viewer } from '../access/viewer.js';

/** What a session carries, and closes when it ends. */
interface Carried {
  close(): void;
}

/** What one open socket knows of the session that it was opened by. */
export interface LiveSession {
  /** Who it lets in, as read last; a rejected one once it has ended or was left. */
  readonly viewer: Viewer;
  /** How many streams it carries. */
  readonly streams: number;
  /** Who it lets in now: read anew where what is known may be out of date, for which it waits while the database is away. */
  check(): Viewer | Promise<Viewer>;
  /** Closes the stream when the session ends or is left. Returns what takes it off again. */
  carry(stream: Carried): () => void;
  /** Closes all that it carries. */
  leave(): void;
}

interface MemberParts {
  readonly expiresAt: Date;
  /** The key that signed its token. */
  readonly kid: string | undefined;
  readonly check: (member: Member) => Viewer | Promise<Viewer>;
  /** Called when it ends by itself. */
  readonly onEnd: () => void;
  /** Called when it is over, whichever way. */
  readonly onOver: (member: Member) => void;
}

/** A socket's part in a session: it lasts as long as its token and the key of that, its session and the role that it was opened with. */
export class Member implements LiveSession {
  #viewer: Viewer = rejected;
  #isOver = false;
  readonly #carried = new Set<Carried>();
  readonly #expiry: NodeJS.Timeout;

  constructor(
    readonly sessionId: string,
    readonly accountId: string,
    private readonly parts: MemberParts,
  ) {
    this.#expiry = setTimeout(() => this.end(), parts.expiresAt.getTime() - Date.now());
    this.#expiry.unref();
  }

  get kid(): string | undefined {
    return this.parts.kid;
  }

  get viewer(): Viewer {
    return this.#viewer;
  }

  get streams(): number {
    return this.#carried.size;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  check(): Viewer | Promise<Viewer> {
    return this.parts.check(this);
  }

  carry(stream: Carried): () => void {
    if (this.#isOver) stream.close();
    else this.#carried.add(stream);
    return () => void this.#carried.delete(stream);
  }

  /** Takes over what was read of its session; undefined: it lets nobody in any more. */
  read(signedIn: SignedIn | undefined): void {
    if (this.#isOver) return;
    const isOther = this.#viewer.kind === 'signed-in' && this.#viewer.role !== signedIn?.role;
    if (signedIn?.accountId !== this.accountId || isOther) this.end();
    else this.#viewer = signedIn;
  }

  end(): void {
    if (this.#isOver) return;
    this.leave();
    this.parts.onEnd();
  }

  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#viewer = rejected;
    clearTimeout(this.#expiry);
    for (const stream of this.#carried) stream.close();
    this.#carried.clear();
    this.parts.onOver(this);
  }
}
