import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';
import { BadUserInputError } from '../errors.js';
import { isId } from '../ids.js';
import {
  cursorWith,
  DEFAULT_PAGE,
  type ForwardRequest,
  idCursorOf,
  type Page,
  pageOf,
  pageSizeOf,
  parseIdPage,
  readCursor,
} from '../paging.js';
import { type Account, accountColumns } from './account.js';
import { emailKeyOf } from './email.js';

/** An account in a list, and the cursor that a page goes on from. */
export interface ListedAccount extends Account {
  readonly cursor: string;
}

/** What an account is found by, and its id, since accounts of two origins may be called the same. */
interface Place {
  readonly searchKey: string;
  readonly id: string;
}

const MAX_SEARCH_LENGTH = 320;

/**
 * What is searched for, in the form in which addresses are compared; undefined where it is nothing.
 * @throws BadUserInputError
 */
export function parseSearch(typed: string | null | undefined): string | undefined {
  if (typed === null || typed === undefined) return undefined;
  if (Array.from(typed).length > MAX_SEARCH_LENGTH) {
    throw new BadUserInputError('search', `Give at most ${MAX_SEARCH_LENGTH} characters.`);
  }
  const search = emailKeyOf(typed);
  return search === '' ? undefined : search;
}

/** Newest first, as ids grow with time. @throws BadUserInputError */
export async function newestAccounts(db: Database, request: ForwardRequest): Promise<Page<ListedAccount>> {
  const { after, limit } = parseIdPage(request, DEFAULT_PAGE);
  const { rows } = await sql<Account>`
    select ${accountColumns} from accounts a where ${after === undefined ? sql`true` : sql`a.id < ${after}::uuid`}
    order by a.id desc limit ${limit + 1}
  `.execute(db);
  const listed = rows.map((account) => ({ ...account, cursor: idCursorOf(account.id) }));
  return pageOf(listed, limit);
}

/**
 * Accounts whose address or external id begins with the search, in the order of either, and the one whose id it is.
 * @throws BadUserInputError
 */
export async function accountsFound(
  db: Database,
  search: string,
  request: ForwardRequest,
): Promise<Page<ListedAccount>> {
  const slice = { after: readCursor(request.after, placeIn), limit: pageSizeOf(request.first) ?? DEFAULT_PAGE };
  const { rows } = await statementFor(search, slice).execute(db);
  return pageOf(rows.map(listed), slice.limit);
}

export async function countAccounts(db: Database, search: string | undefined): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from accounts a where ${search === undefined ? sql`true` : matches(search)}
  `.execute(db);
  return rows[0]?.count ?? 0;
}

/** To the letter of its index, whose operators compare byte by byte. */
const searchKey = sql<string>`coalesce(a.email_key, lower(a.external_id))`;

// No address and no external id has this character, and none sorts after it.
const LAST = '\u{10ffff}';

function beginsWith(search: string): RawBuilder<boolean> {
  return sql`${searchKey} ~>=~ ${search} and ${searchKey} ~<~ ${search + LAST}`;
}

function matches(search: string): RawBuilder<boolean> {
  return isId(search) ? sql`(${beginsWith(search)}) or a.id = ${search}::uuid` : beginsWith(search);
}

interface Slice {
  readonly after: Place | undefined;
  readonly limit: number;
}

function statementFor(search: string, slice: Slice): RawBuilder<Account & Place> {
  const byKey = foundBy(beginsWith(search), slice);
  if (!isId(search)) return byKey;
  const byId = foundBy(sql`a.id = ${search}::uuid and not (${beginsWith(search)})`, slice);
  return sql`select * from (${byKey} union all ${byId}) found order by search_key using ~<~, id limit ${slice.limit + 1}`;
}

function foundBy(where: RawBuilder<unknown>, { after, limit }: Slice): RawBuilder<Account & Place> {
  const further =
    after === undefined
      ? sql``
      : sql`and ${searchKey} ~>=~ ${after.searchKey} and (${searchKey} ~>~ ${after.searchKey} or a.id > ${after.id}::uuid)`;
  return sql`(
    select ${accountColumns}, ${searchKey} as search_key from accounts a where ${where} ${further}
    order by ${searchKey} using ~<~, a.id limit ${limit + 1}
  )`;
}

const PLACE = /^k:(.{36}):(.+)$/s;

function listed({ searchKey: key, ...account }: Account & Place): ListedAccount {
  return { ...account, cursor: cursorWith(`k:${account.id}:${key}`) };
}

function placeIn(text: string): Place | undefined {
  const [, id, key] = PLACE.exec(text) ?? [];
  return key !== undefined && isId(id) && !key.includes('\0') ? { id, searchKey: key } : undefined;
}
