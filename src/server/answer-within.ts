/**
 * Makes a question that always gets an answer in time: `otherwise` stands in for an answer that fails or takes longer.
 * Callers share the question that is under way, so that asking often costs no more than asking once.
 */
export function answerWithin<T>(timeoutMs: number, ask: () => Promise<T>, otherwise: T): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= ask()
      .catch(() => otherwise)
      .finally(() => {
        running = undefined;
      });
    return firstOf(running, timeoutMs, otherwise);
  };
}

async function firstOf<T>(answer: Promise<T>, timeoutMs: number, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
