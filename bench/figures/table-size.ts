import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type BareSpend, bareSpendOf, insteadFor } from '../floors/bare-spend.ts';
import { median } from '../measuring/rounds.ts';
import { renewed } from '../measuring/replay.ts';
import type { RealCode, Stage } from '../stage.ts';
import { type Figure, inWords } from '../table.ts';
import { spendLatency } from './spend.ts';
import type { Samples } from './statements.ts';

const FEW = 10_000;
const CODES_OF_BATCH = 10;
const TRIALS = 31;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Subplan Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

interface Explained {
  readonly plan: string;
  /** Pages touched to find the batch and the code in it. */
  readonly finding: number;
  /** Those and all others, most of them to write into tables and indexes. */
  readonly all: number;
}

/** The statement that spends, over few codes and over many: it has to take the same way, and find its rows as fast. */
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
    { name: `spend, p50, ${inWords(FEW)} codes in the table`, ...fewLatency, unit: ' ms' },
    { name: `spend, p50, ${size} codes in the table`, ...manyLatency, unit: ' ms' },
    {
      name: `spend, pages to find batch and code, ${size} beside ${inWords(FEW)}`,
      ours: many.finding,
      floor: few.finding,
      unit: '',
      must: { of: 'difference', atMost: 2 },
      note: many.plan === few.plan ? 'by the same plan' : `PLAN CHANGED from ${few.plan} to ${many.plan}`,
    },
    {
      name: `spend, pages in all, ${size} beside ${inWords(FEW)}`,
      ours: many.all,
      floor: few.all,
      unit: '',
      note: 'one level more in each b-tree that it writes to',
    },
    {
      name: `spend, plans over ${size} and ${inWords(FEW)}`,
      ours: new Set([many.plan, few.plan]).size,
      unit: '',
      must: { of: 'figure', atMost: 1 },
    },
  ];
}

/** Adds accounts with a batch each, of codes that nobody knows, until there are so many codes. */
async function fillUpTo(db: pg.Pool, codes: number): Promise<void> {
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

/** The plan, and the median pages touched, over codes anywhere in the table; nothing is spent. */
async function explain(stage: Stage, bare: BareSpend): Promise<Explained> {
  const client = await stage.bare.connect();
  const roots: PlanNode[] = [];
  for (const code of await codesAnywhere(stage, TRIALS)) {
    const instead = insteadFor(code, bare);
    await client.query('begin');
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, buffers, format json) ${bare.statement.text}`,
      bare.statement.values.map((value) => renewed(value, instead)),
    );
    await client.query('rollback');
    roots.push(...rows.map((row) => row['QUERY PLAN'][0].Plan));
  }
  client.release();
  return {
    plan: [...new Set(roots.map(shapeOf))].join(' or '),
    finding: median(roots.map((root) => pagesOfScans(root))),
    all: median(roots.map(pagesOf)),
  };
}

/** Of the scans that find the batch to lock and the code in it; that the batch is looked up again to be counted is not finding. */
function pagesOfScans(node: PlanNode): number {
  const own = node['Node Type'] === 'Index Scan' ? pagesOf(node) : 0;
  const below = (node.Plans ?? []).filter((child) => child['Subplan Name'] !== 'CTE counted');
  return below.reduce((sum, child) => sum + pagesOfScans(child), own);
}

function pagesOf(node: PlanNode): number {
  return node['Shared Hit Blocks'] + node['Shared Read Blocks'];
}

async function codesAnywhere({ bare, stock }: Stage, count: number): Promise<RealCode[]> {
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
