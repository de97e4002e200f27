/** What the rules count, whoever collects it. Values are names from fixed lists: nothing that a caller typed. */
export interface Meter {
  /** One slow hash was computed for a code or a password. */
  hash(kind: 'code' | 'password'): void;
  /** One attempt to spend a code ended so. */
  spend(outcome: string): void;
  /** The limiter refused one attempt under this policy. */
  refusal(policy: string): void;
}

/** For places that count nothing, such as the command line. */
export const noMeter: Meter = {
  hash: () => undefined,
  spend: () => undefined,
  refusal: () => undefined,
};
