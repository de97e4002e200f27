import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type BareSpend, bareSpendOf, insteadFor } from '../floors/bare-spend.ts';
import { median } from '../measuring/rounds.ts';
import { renewed } from '../measuring/replay.ts';
import type { RealCode, Stage } from '../stage.ts';
import type { Figure } from '../table.ts';
import { spendLatency } from './spend.ts';
import type { Samples } from './statements.ts';

const FEW = 10_000;
const CODES_OF_BATCH = 10;
const TRIALS = 31;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** The statement that spends, over few codes and over many: it has to take the same way, and touch hardly more pages. */
export async function measureTableSize(stage: Stage, samples: Samples): Promise<Figure[]> {
  const bare = await bareSpendOf(stage, samples.verify);
  await fillUpTo(stage.bare, FEW);
  const few = await explain(stage, bare);
  const fewLatency = await spendLatency(stage, bare);
  await fillUpTo(stage.bare, stage.scale.codes);
  const many = await explain(stage, bare);
  const manyLatency = await spendLatency(stage, bare);
  const size = inWords(stage.scale.codes);
  return [
    {
      name: `pages a spend touches, ${size} codes beside 10 k`,
      ours: many.buffers,
      floor: few.buffers,
      unit: '',
      must: { of: 'difference', atMost: 2 },
    },
    {
      name: `plans of a spend, ${size} codes beside 10 k`,
      ours: new Set([many.plan, few.plan]).size,
      unit: '',
      must: { of: 'figure', atMost: 1 },
      note: many.plan === few.plan ? 'the same' : `${few.plan} became ${many.plan}`,
    },
    { name: 'spend, p50, 10 k codes', ...fewLatency, unit: ' ms' },
    { name: `spend, p50, ${size} codes`, ...manyLatency, unit: ' ms' },
  ];
}

/** Adds accounts with a batch each, of codes that nobody knows, until there are so many codes. */
export async function fillUpTo(db: pg.Pool, codes: number): Promise<void> {
  const { rows } = await db.query<{ count: number }>('select count(*)::int as count from recovery_codes');
  const batches = Math.max(0, Math.ceil((codes - (rows[0]?.count ?? 0)) / CODES_OF_BATCH));
  const client = await db.connect();
  await client.query('begin');
  await client.query(
    `create temporary table filling on commit drop as
     select uuidv7() as account_id, uuidv7() as batch_id from generate_series(1, $1)`.replace('$1', `${batches}`),
  );
  await client.query(
    `insert into accounts (id, email, email_key, email_verified_at)
     select account_id, account_id || '@example.org', account_id || '@example.org', now() from filling`,
  );
  await client.query(
    `insert into recovery_code_batches
       (id, account_id, number, issued_count, salt, pepper_key_id, hash_memory_kib, hash_passes)
     select batch_id, account_id, 1, ${CODES_OF_BATCH}, uuid_send(gen_random_uuid()), 'none', 1024, 1 from filling`,
  );
  await client.query(
    `insert into recovery_codes (id, batch_id, position, hash)
     select uuidv7(), batch_id, position, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
     from filling, generate_series(1, ${CODES_OF_BATCH}) position`,
  );
  await client.query('commit');
  client.release();
  for (const table of ['accounts', 'recovery_code_batches', 'recovery_codes']) {
    await db.query(`vacuum (analyze) ${table}`);
  }
}

/** The plan, and the median of the pages touched, over codes anywhere in the table; nothing is spent. */
async function explain(stage: Stage, bare: BareSpend): Promise<{ plan: string; buffers: number }> {
  const client = await stage.bare.connect();
  const buffers: number[] = [];
  const plans = new Set<string>();
  for (const code of await codesAnywhere(stage, TRIALS)) {
    const instead = insteadFor(code, bare);
    await client.query('begin');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, buffers, format json) ${bare.statement.text}`,
      bare.statement.values.map((value) => renewed(value, instead)),
    );
    await client.query('rollback');
    const root = (rows[0] as (typeof rows)[number])['QUERY PLAN'][0].Plan;
    buffers.push(root['Shared Hit Blocks'] + root['Shared Read Blocks']);
    plans.add(shapeOf(root));
  }
  client.release();
  return { plan: [...plans].join(' or '), buffers: median(buffers) };
}

export async function codesAnywhere({ bare, stock }: Stage, count: number): Promise<RealCode[]> {
  const { rows } = await bare.query<{ batchId: string; hash: Buffer; accountId: string }>(
    `select code.batch_id as "batchId", code.hash, batch.account_id as "accountId"
     from recovery_codes code join recovery_code_batches batch on batch.id = code.batch_id
     where code.status = 'ACTIVE' and batch.status = 'ACTIVE' and batch.used_count = 0 order by random() limit $1`,
    [count],
  );
  const [{ owner }] = stock as [RealCode];
  return rows.map(({ batchId, hash, accountId }) => ({
    owner: { ...owner, viewer: { ...owner.viewer, accountId, sessionId: randomUUID() } },
    batchId,
    plaintext: '',
    hash: hash.toString('hex'),
  }));
}

function shapeOf(node: PlanNode): string {
  const on = node['Index Name'] ?? node['Relation Name'];
  const below = (node.Plans ?? []).map(shapeOf);
  return `${node['Node Type']}${on === undefined ? '' : ` ${on}`}${below.length === 0 ? '' : ` (${below.join(', ')})`}`;
}

function inWords(count: number): string {
  return count >= 1_000_000 ? `${count / 1_000_000} M` : `${count / 1000} k`;
}
