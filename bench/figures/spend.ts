import { type BareSpend, bareSpendOf, insteadFor, spendBare, statementOn } from '../floors/bare-spend.ts';
import { bareHash } from '../floors/bare-hash.ts';
import { inTransaction } from '../floors/in-transaction.ts';
import { inTurns, latencies, type Pair, perSecond } from '../measuring/rounds.ts';
import { replay } from '../measuring/replay.ts';
import type { RealCode, Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import { type Samples, WRONG_CODE } from './statements.ts';

export const IN_FLIGHT = 20;
type Spend = (code: RealCode) => Promise<void>;

/** Spending codes, one after the other and many at once, against one hash and the one statement through a bare pool. */
export async function measureSpend(stage: Stage, samples: Samples): Promise<Figure[]> {
  const bare = await bareSpendOf(stage, samples.verify);
  const ours = (code: RealCode) => verify(stage, code);
  const floor = (code: RealCode) => spendBare(stage, bare, code);
  const oneByOne = await byTurns(stage, ours, floor);
  const many = await inTurns(stage.scale.rounds, {
    ours: () => atOnce(stage, ours),
    floor: () => atOnce(stage, floor),
    fromOneAddress: () => atOnce(stage, (code) => ours(fromOneAddress(code))),
  });
  return [
    { name: 'spend, p50', ...oneByOne, unit: ' ms', must: { of: 'ratio', atMost: 2.5 } },
    {
      name: `spend, ${IN_FLIGHT} in flight`,
      ours: many.ours,
      floor: many.floor,
      unit: '/s',
      must: { of: 'ratio', atLeast: 0.4, aim: '1000/s' },
    },
    {
      name: `spend, ${IN_FLIGHT} in flight, all from one address`,
      ours: many.fromOneAddress,
      floor: many.floor,
      unit: '/s',
    },
  ];
}

/** A wrong code, against one hash and the one statement, which finds nothing. */
export async function measureWrongCode(stage: Stage, samples: Samples): Promise<Figure[]> {
  const bare = await bareSpendOf(stage, samples.verify);
  const wrong = (code: RealCode): RealCode => ({ ...code, plaintext: WRONG_CODE, hash: '00'.repeat(32) });
  const pair = await byTurns(
    stage,
    (code) => verify(stage, wrong(code), 'REJECTED'),
    (code) => spendBare(stage, bare, wrong(code), 0),
  );
  return [{ name: 'wrong code, p50', ...pair, unit: ' ms' }];
}

/** Signing in by a code, against one hash and a bare transaction that spends the code and opens the session. */
export async function measureSignIn(stage: Stage, { signIn: sample }: Samples): Promise<Figure[]> {
  const bare = await bareSpendOf(stage, sample);
  const open = statementOn('insert into sessions', sample.statements);
  const { signIn } = stage.app.services;
  const pair = await byTurns(
    stage,
    async ({ owner, plaintext }) => {
      await signIn.withRecoveryCode(owner.origin, { email: owner.email, code: plaintext });
    },
    async (code) => {
      await bareHash(code.plaintext, bare.hashing);
      const instead = insteadFor(code, bare);
      await inTransaction(stage.bare, async (client) => {
        await replay(client, bare.statement, instead);
        await replay(client, open, instead);
      });
    },
  );
  return [{ name: 'sign-in by code, p50', ...pair, unit: ' ms' }];
}

/** Spends with ours alone, one after the other: what spending costs by now. */
export async function spendLatency(stage: Stage, bare: BareSpend): Promise<Pair> {
  return await byTurns(
    stage,
    (code) => verify(stage, code),
    (code) => spendBare(stage, bare, code),
  );
}

/** Ours and the floor by turns, each on codes of its own, over fresh stock. */
async function byTurns(stage: Stage, ours: Spend, floor: Spend): Promise<Pair> {
  await stage.restock();
  const { stock, scale } = stage;
  const half = Math.floor(stock.length / 2);
  return await latencies(Math.min(scale.times, half), {
    ours: (index) => ours(stock[index] as RealCode),
    floor: (index) => floor(stock[half + index] as RealCode),
  });
}

/** The whole stock, with as many in flight, which are of different owners. */
async function atOnce(stage: Stage, spend: Spend): Promise<number> {
  await stage.restock();
  return await perSecond(
    IN_FLIGHT,
    stage.stock.map((code) => () => spend(code)),
  );
}

/** Spends the code with ours. */
export async function verify({ app }: Stage, { owner, plaintext }: RealCode, expected = 'ACCEPTED'): Promise<void> {
  const { outcome } = await app.services.recoveryCodes.verify(owner.viewer, owner.origin, plaintext);
  if (outcome !== expected) throw new Error(`The code was ${outcome}.`);
}

function fromOneAddress(code: RealCode): RealCode {
  const origin = { ...code.owner.origin, address: '192.0.2.1', network: '192.0.2.1' };
  return { ...code, owner: { ...code.owner, origin } };
}
