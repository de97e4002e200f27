import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { issue, makeAccount, type TestAccount } from '../support/accounts.js';
import { startTestApp, type TestApp } from '../support/app.js';

const MAX_VISIBLE = 7;
const PAGE_SIZE = 3;
const ISSUED = 10;
/** Numbers of the batches that can be reached, newest first. */
const VISIBLE = [10, 9, 8, 7, 6, 5, 4];

let app: TestApp;
let me: TestAccount;

beforeAll(async () => {
  app = await startTestApp({
    HISTORY_MAX_VISIBLE: String(MAX_VISIBLE),
    HISTORY_PAGE_SIZE: String(PAGE_SIZE),
    CODES_PER_BATCH: '4',
    LOW_CODES_THRESHOLD: '1',
  });
  me = await makeAccount(app);
  for (let n = 0; n < ISSUED; n += 1) await issue(app, me);
});
afterAll(() => app.close());

interface Page {
  readonly totalCount: number;
  readonly numbers: readonly number[];
  readonly cursors: readonly string[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

interface Slice {
  readonly first?: number;
  readonly after?: string | null;
  readonly last?: number;
  readonly before?: string | null;
}

async function page(slice: Slice = {}, account = me): Promise<Page> {
  const { data, errors } = await app.post(
    `query($first: Int, $after: String, $last: Int, $before: String) {
      me { batches(first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { number } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
    { ...slice },
    { token: account.token },
  );
  expect(errors).toEqual([]);
  const { edges, ...rest } = data['me'].batches;
  return {
    ...rest,
    numbers: edges.map(({ node }: any) => node.number),
    cursors: edges.map(({ cursor }: any) => cursor),
  };
}

describe('the history of batches', () => {
  it('shows a page of HISTORY_PAGE_SIZE where no size is given, newest first', async () => {
    const { numbers, pageInfo, cursors, totalCount } = await page();
    expect(numbers).toEqual([10, 9, 8]);
    expect(totalCount).toBe(MAX_VISIBLE);
    expect(pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: false,
      startCursor: cursors[0],
      endCursor: cursors[2],
    });
  });

  it('reaches HISTORY_MAX_VISIBLE batches and not one more, whatever is asked for', async () => {
    expect(await page({ first: 100 })).toMatchObject({
      numbers: VISIBLE,
      totalCount: MAX_VISIBLE,
      pageInfo: { hasNextPage: false, hasPreviousPage: false },
    });
    expect((await page({ last: 100 })).numbers).toEqual(VISIBLE);
    const end = (await page({ last: 1 })).pageInfo.endCursor;
    expect((await page({ first: 100, after: end })).numbers).toEqual([]);
  });

  it('does not lead past the cap by the cursor of a batch that has fallen out of it', async () => {
    const mine = await makeAccount(app);
    for (let n = 0; n < 2; n += 1) await issue(app, mine);
    const old = (await page({ last: 1 }, mine)).pageInfo.endCursor;
    for (let n = 0; n < MAX_VISIBLE; n += 1) await issue(app, mine);
    expect((await page({ first: 100, after: old }, mine)).numbers).toEqual([]);
    expect((await page({ last: 100, before: old }, mine)).numbers).toEqual([9, 8, 7, 6, 5, 4, 3]);
  });

  it('is empty, not absent, for an account without batches', async () => {
    const fresh = await makeAccount(app);
    const empty = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };
    expect(await page({}, fresh)).toEqual({ totalCount: 0, numbers: [], cursors: [], pageInfo: empty });
  });

  it('shows every batch once, in order, walked forwards or backwards by pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: MAX_VISIBLE + 2 }), fc.boolean(), async (size, isForward) => {
        const seen: number[] = [];
        let cursor: string | null = null;
        for (let pages = 0; pages <= MAX_VISIBLE; pages += 1) {
          const found: Page = await page(isForward ? { first: size, after: cursor } : { last: size, before: cursor });
          const isOver = seen.length + found.numbers.length === VISIBLE.length;
          expect(found.pageInfo).toMatchObject({
            hasNextPage: isForward ? !isOver : pages > 0,
            hasPreviousPage: isForward ? pages > 0 : !isOver,
            startCursor: found.cursors[0],
            endCursor: found.cursors.at(-1),
          });
          expect(found.totalCount).toBe(MAX_VISIBLE);
          seen[isForward ? 'push' : 'unshift'](...found.numbers);
          if (isOver) break;
          cursor = isForward ? found.pageInfo.endCursor : found.pageInfo.startCursor;
        }
        expect(seen).toEqual(VISIBLE);
      }),
      { numRuns: 20 },
    );
  });

  it('shows what lies between two cursors, from whichever end it is cut', async () => {
    const { cursors } = await page({ first: 100 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: MAX_VISIBLE - 1 }),
        fc.integer({ min: 0, max: MAX_VISIBLE - 1 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        async (from, to, size, isForward) => {
          const between = VISIBLE.slice(from + 1, Math.max(from + 1, to));
          const wanted = isForward ? between.slice(0, size) : between.slice(-size);
          const bounds = { after: cursors[from] as string, before: cursors[to] as string };
          const found = await page({ ...bounds, ...(isForward ? { first: size } : { last: size }) });
          expect(found.numbers).toEqual(wanted);
          const [newest, oldest] = [wanted[0] as number, wanted.at(-1) as number];
          expect(found.pageInfo).toMatchObject({
            hasPreviousPage: wanted.length > 0 && newest < 10,
            hasNextPage: wanted.length > 0 && oldest > 4,
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps its pages steady while batches are issued between two of them', async () => {
    const mine = await makeAccount(app);
    for (let n = 0; n < 4; n += 1) await issue(app, mine);
    const newest = await page({ first: 2 }, mine);
    await issue(app, mine);
    const older = await page({ first: 2, after: newest.pageInfo.endCursor }, mine);
    expect([...newest.numbers, ...older.numbers]).toEqual([4, 3, 2, 1]);
  });
});
