import { type Instead, replay } from '../measuring/replay.ts';
import type { Statement } from '../measuring/recorder.ts';
import type { Sample } from '../figures/statements.ts';
import type { RealCode, Stage } from '../stage.ts';
import { bareHash, type Hashing, hashingOf } from './bare-hash.ts';

/** The least that spending a code can cost: one hash, and the one statement as the program sends it. */
export interface BareSpend {
  readonly statement: Statement;
  /** The code that the statement was recorded for. */
  readonly recordedFor: RealCode;
  readonly hashing: Hashing;
}

export async function bareSpendOf(stage: Stage, sample: Sample & { code: RealCode }): Promise<BareSpend> {
  const { code, statements } = sample;
  const hashing = await hashingOf(stage.bare, code.batchId);
  return { statement: statementOn('update recovery_codes', statements), recordedFor: code, hashing };
}

export function statementOn(part: string, statements: readonly Statement[]): Statement {
  const found = statements.find(({ text }) => new RegExp(`${part}\\s`).test(text));
  if (found === undefined) throw new Error(`No statement was recorded that does: ${part}.`);
  return found;
}

/** What is to stand in the recorded statement for another code. */
export function insteadFor(code: RealCode, { recordedFor }: Pick<BareSpend, 'recordedFor'>): Instead {
  return new Map([
    [recordedFor.batchId, code.batchId],
    [recordedFor.hash, code.hash],
    [recordedFor.owner.viewer.accountId, code.owner.viewer.accountId],
    [recordedFor.owner.viewer.sessionId, code.owner.viewer.sessionId],
  ]);
}

/** @param expected how many codes it has to spend: 0 where the code is a wrong one. */
export async function spendBare(stage: Stage, bare: BareSpend, code: RealCode, expected = 1): Promise<void> {
  await bareHash(code.plaintext, bare.hashing);
  const { rowCount } = await replay(stage.bare, bare.statement, insteadFor(code, bare));
  if (rowCount !== expected) throw new Error('The bare statement did not do what it is measured for.');
}
