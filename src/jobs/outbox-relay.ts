import { giveBack, noteDelivered, noteFailed, type OutboxMessage, takeDueMessages } from '../domain/events/outbox.js';
import { type DeliveryParts, deliverMessage } from './deliver-message.js';

export interface RelayParts extends DeliveryParts {
  /** Told of messages that could not be delivered, and of a database that is away. */
  readonly onFault: (fault: { readonly topic: string | undefined; readonly error: unknown }) => void;
}

const POLL_MS = 1_000;
const BATCH_SIZE = 20;
/** No delivery is begun later than this after taking the message, so that it ends within the lease. */
const BEGIN_WITHIN_MS = 60_000;

/**
 * Delivers outbox messages after the commits that wrote them, at least once. Every process runs one; each message is
 * leased to one of them at a time.
 */
export class OutboxRelay {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isWoken = false;
  #isStopped = true;

  constructor(private readonly parts: RelayParts) {}

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  /** Looks for messages now instead of at the next poll. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isWoken = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isWoken) this.wake();
    });
  }

  /** Finishes the delivery under way, gives back what else it has taken and takes no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#isWoken && !this.#isStopped) {
      this.#isWoken = false;
      try {
        // Until there is none: delivering one message can write the next.
        while (!this.#isStopped && (await this.#deliverSome()) > 0);
      } catch (error) {
        this.parts.onFault({ topic: undefined, error });
      }
    }
    // Holds the process: while the database is away, nothing else may keep a worker running.
    if (!this.#isStopped) this.#timer = setTimeout(() => this.wake(), POLL_MS);
  }

  async #deliverSome(): Promise<number> {
    const takenAt = performance.now();
    const messages = await takeDueMessages(this.parts.db, BATCH_SIZE);
    for (const [index, message] of messages.entries()) {
      if (this.#isStopped || performance.now() - takenAt > BEGIN_WITHIN_MS) {
        await giveBack(this.parts.db, messages.slice(index));
        break;
      }
      await this.#deliver(message);
    }
    return messages.length;
  }

  async #deliver(message: OutboxMessage): Promise<void> {
    try {
      await deliverMessage(this.parts, message);
    } catch (error) {
      this.parts.onFault({ topic: message.topic, error });
      const isPermanent = error instanceof Error && 'isPermanent' in error && error.isPermanent === true;
      const phrase = isPermanent ? 'It was refused for good.' : 'It could not be delivered yet.';
      await noteFailed(this.parts.db, message, { isPermanent, phrase });
      return;
    }
    await noteDelivered(this.parts.db, message);
  }
}
