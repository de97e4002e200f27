/** Something is not as the demo expects it. The message is one sentence for whoever runs it. */
export class DemoError extends Error {}

/** @throws DemoError */
export function expect(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new DemoError(otherwise);
}
