import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database.js';
import type { EventSource } from '../events/event-source.js';
import { occasionOf } from '../events/occasion.js';
import { raise } from '../events/raise.js';
import { type Confirmation, findConfirmation, noteConfirmed, putNewAddress } from './email-change-requests.js';
import { endingsOf } from './new-password.js';
import { removeAccount } from './remove-account.js';
import { revokeSessionsOf } from './sessions.js';
import { voidTokens } from './verification-tokens.js';

export interface ConfirmBy {
  readonly secret: string;
  readonly accountId: string;
  /** The session that stays when the change is completed; without one all of them end. */
  readonly keptSessionId: string | undefined;
  readonly source: EventSource;
}

interface Holder {
  readonly id: string;
  readonly isOwned: boolean;
}

/** How a confirmation ended: noted, with the sessions that ended by it; or not, for one of two reasons. */
export type Confirmed =
  | { readonly kind: 'noted'; readonly ended: readonly string[] }
  | { readonly kind: 'taken' }
  | { readonly kind: 'invalid' };

/**
 * Confirms one side of a change of address in the given transaction, and completes the change with the second one. A
 * verified account that has the address by then is in the way, and nothing is noted; one that was never verified gives
 * way, since the mailbox was proved by somebody else. Lock order: the account, the one that gives way.
 */
export async function confirmWithin(tx: Database, by: ConfirmBy): Promise<Confirmed> {
  // The key of the row is about to change: a weaker lock would have to be raised while others hold it.
  await sql`select 1 from accounts where id = ${by.accountId} for update`.execute(tx);
  const confirmation = await findConfirmation(tx, by.secret);
  if (confirmation === undefined) return { kind: 'invalid' };
  if (confirmation.isLast && !(await makeRoom(tx, confirmation.newEmailKey, by.source))) return { kind: 'taken' };
  await noteConfirmed(tx, confirmation);
  return { kind: 'noted', ended: confirmation.isLast ? await complete(tx, confirmation, by) : [] };
}

/** False where the address belongs to somebody. */
async function makeRoom(tx: Database, emailKey: string, source: EventSource): Promise<boolean> {
  const found = await holderOf(tx, sql`email_key = ${emailKey}`);
  if (found === undefined || found.isOwned) return found === undefined;
  // Locked only where it is nobody's: two accounts that want one another's address would wait for one another.
  const holder = await holderOf(tx, sql`id = ${found.id}`, sql`for update`);
  if (holder?.isOwned === true) return false;
  const reason = 'address confirmed by another';
  if (holder !== undefined) await removeAccount(tx, { accountId: holder.id, reason, source });
  return true;
}

async function holderOf(tx: Database, which: RawBuilder<unknown>, lock = sql``): Promise<Holder | undefined> {
  const { rows } = await sql<Holder>`
    select id, email_verified_at is not null or role = 'ADMIN' as is_owned from accounts where ${which} ${lock}
  `.execute(tx);
  return rows[0];
}

async function complete(
  tx: Database,
  confirmation: Confirmation,
  { keptSessionId, source }: ConfirmBy,
): Promise<readonly string[]> {
  const { accountId, email } = confirmation;
  await putNewAddress(tx, confirmation);
  await voidTokens(tx, accountId);
  const ended = await revokeSessionsOf(tx, accountId, keptSessionId === undefined ? {} : { except: keptSessionId });
  const about = { ...source, accountId };
  await raise(
    tx,
    [{ ...about, action: 'EMAIL_CHANGED' }, ...endingsOf(about, ended)],
    [{ topic: 'old-address-left', payload: { ...occasionOf(accountId, source), email } }],
  );
  return ended;
}
