import type { Database } from '../../src/domain/database.js';

/** A database one of whose answers is on its way until it is let in. */
export interface HeldAnswers {
  readonly db: Database;
  /** From here on, the next answer is held; returns when there is one. */
  hold(): Promise<void>;
  letIn(): void;
}

export function heldAnswers(db: Database): HeldAnswers {
  const arrival = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let holdsNext = false;
  return {
    db: db.withPlugin({
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        if (!holdsNext) return result;
        holdsNext = false;
        held.resolve();
        await arrival.promise;
        return result;
      },
    }),
    async hold() {
      holdsNext = true;
      await held.promise;
    },
    letIn: () => arrival.resolve(),
  };
}
