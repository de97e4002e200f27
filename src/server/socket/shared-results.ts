import {
  createSourceEventStream,
  execute,
  type ExecutionArgs,
  type ExecutionResult,
  type subscribe as graphqlSubscribe,
} from 'graphql';

type Result = ExecutionResult | PromiseLike<ExecutionResult>;
type Subscribed = Awaited<ReturnType<typeof graphqlSubscribe>>;
type Events = AsyncIterable<unknown>;

/** Subscriptions that ask the same, for the same viewer. */
interface Group {
  members: number;
  /** What one of them was told last, and the answer to it. */
  last: { readonly event: unknown; readonly result: Result } | undefined;
}

/** What graphql-js takes, and under which name others ask the same with the same right to the answer. */
export interface SharedArgs extends ExecutionArgs {
  readonly sharedAs: string;
}

/**
 * Subscriptions as graphql-js does them, but for this: an event that goes to many who ask the same is executed once. Each
 * still asks for its own events, and whether it may have them is checked for each. All that is kept is the latest answer
 * to each question that somebody is asking.
 */
export class SharedResults {
  readonly #groups = new Map<string, Group>();

  async subscribe({ sharedAs, ...args }: SharedArgs): Promise<Subscribed> {
    const events = await createSourceEventStream(args);
    if (!isStream(events)) return events;
    const group = this.#join(sharedAs);
    return answers(
      events,
      (event) => resultOf(group, event, args),
      () => this.#leave(sharedAs, group),
    );
  }

  #join(name: string): Group {
    const group = this.#groups.get(name) ?? { members: 0, last: undefined };
    this.#groups.set(name, group);
    group.members += 1;
    return group;
  }

  #leave(name: string, group: Group): void {
    group.members -= 1;
    if (group.members === 0) this.#groups.delete(name);
  }
}

function isStream(events: Events | ExecutionResult): events is Events {
  return Symbol.asyncIterator in events;
}

async function resultOf(group: Group, event: unknown, args: ExecutionArgs): Promise<ExecutionResult> {
  const { last } = group;
  if (last !== undefined && last.event === event) {
    const shared = await last.result;
    // What failed may have failed for whoever asked first, who may be gone by now.
    if (shared.errors === undefined) return shared;
  }
  const result = execute({ ...args, rootValue: event });
  group.last = { event, result };
  return await result;
}

/** As graphql-js maps events to results: what ends the one, ends the other. */
function answers(
  events: Events,
  answer: (event: unknown) => Promise<ExecutionResult>,
  onEnd: () => void,
): AsyncGenerator<ExecutionResult, void, void> {
  const source = events[Symbol.asyncIterator]();
  let isOver = false;
  const end = (): IteratorReturnResult<undefined> => {
    if (!isOver) onEnd();
    isOver = true;
    return { value: undefined, done: true };
  };
  return {
    async next() {
      try {
        const { value, done } = await source.next();
        return done === true ? end() : { value: await answer(value), done: false };
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      await source.return?.();
      return end();
    },
    async throw(error: unknown) {
      end();
      await source.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return();
    },
  };
}
