import { bareHash, hashingOf } from '../floors/bare-hash.ts';
import { inTransaction } from '../floors/in-transaction.ts';
import { latencies } from '../measuring/rounds.ts';
import { replay } from '../measuring/replay.ts';
import type { Person, RealCode, Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import type { Samples } from './statements.ts';

const INSERTS = /\binsert into "?(?:recovery_code_batches|audit_events|code_copies)\b/;

/** Issuing a batch, against ten bare hashes in parallel and the same inserts in one bare transaction. */
export async function measureGenerate(stage: Stage, { generate: sample }: Samples): Promise<Figure[]> {
  const { app, bare, stock } = stage;
  const times = Math.ceil(stage.scale.times / 2);
  const inserts = sample.statements.filter(({ text }) => INSERTS.test(text));
  const hashing = await hashingOf(bare, (stock[0] as RealCode).batchId);
  const people = await stage.people(2 * times);
  const pair = await latencies(times, {
    ours: async (index) => {
      const { viewer, origin } = people[index] as Person;
      await app.services.recoveryCodes.generate(viewer, origin, {});
    },
    floor: async (index) => {
      const { viewer } = people[times + index] as Person;
      const instead = new Map([
        [sample.person.viewer.accountId, viewer.accountId],
        [sample.person.viewer.sessionId, viewer.sessionId],
      ]);
      await Promise.all(stock.slice(0, 10).map((code) => bareHash(code.plaintext, hashing)));
      await inTransaction(bare, async (client) => {
        for (const insert of inserts) await replay(client, insert, instead);
      });
    },
  });
  return [{ name: 'generate a batch, p50', ...pair, unit: ' ms', must: { of: 'ratio', atMost: 1.5 } }];
}
