import { limitRowFunctions } from './limit-row-functions.js';

/**
 * Takes a slot under (account, address), account and address, or refuses and says until when. Open slots count as
 * failures. A refusal changes nothing but the window that it grows. The slots are taken first, in the order of the
 * keys, and given back by a refusal, so that an admission is one statement. Losing the last moments of these rows in a
 * crash of the database is accepted (synchronous_commit off), so that one busy address is not held to one flush at a
 * time. An address that is refused leaves no row for what it guesses at, so that a flood cannot grow the table.
 */
const takeAttempt = `
create function take_attempt(
  p_id uuid, p_pair bytea, p_account bytea, p_address bytea, p_limits jsonb,
  out is_admitted boolean, out retry_at timestamptz, out retry_after_seconds int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  maximum int := (p_limits->>'max')::int;
  ceiling int := (p_limits->>'ceiling')::int;
  per_hour int := (p_limits->>'perHour')::int;
  role text;
  r rate_limits;
  pair rate_limits;
  account rate_limits;
  address rate_limits;
begin
  select * into address from rate_limits where key = p_address;
  if address.count >= per_hour and address.counted_since > at - interval '1 hour' then
    select greatest(address.counted_since + interval '1 hour', max(blocked_until)) into retry_at
      from rate_limits where key = p_pair;
    is_admitted := false;
    retry_after_seconds := seconds_until(retry_at, at);
    return;
  end if;

  perform set_config('synchronous_commit', 'off', true);
  for r in
    insert into rate_limits as t (key, owner_key, open_slots, updated_at)
    select k, case when k = p_pair then p_account end, jsonb_build_object(p_id, extract(epoch from at)), at
    from unnest(array[p_pair, p_account, p_address]) k where k is not null order by k
    on conflict (key) do update set open_slots = t.open_slots || excluded.open_slots, updated_at = at
    returning t.*
  loop
    r.open_slots := r.open_slots - p_id::text;
    role := case r.key when p_pair then 'pair' when p_account then 'account' else 'address' end;
    -- Most rows have nothing to be brought up to date, and a call costs as much as the rest of this.
    if r.count > 0 or r.open_slots <> '{}' then
      r := limit_at(r, role, at, p_limits);
    end if;
    case role
      when 'pair' then pair := r;
      when 'account' then account := r;
      else address := r;
    end case;
  end loop;

  if pair.blocked_until > at then
    pair := limit_pressed(pair, at, p_limits);
    retry_at := pair.blocked_until;
  end if;
  if account.count >= ceiling then
    retry_at := greatest(retry_at, account.last_counted_at + interval '24 hours');
  end if;
  if address.count >= per_hour then
    retry_at := greatest(retry_at, address.counted_since + interval '1 hour');
  end if;
  if retry_at is null and (
    (pair.count + limit_open_slots(pair) >= maximum and not (pair.step > 0 and limit_open_slots(pair) = 0))
    or account.count + limit_open_slots(account) >= ceiling
    or address.count + limit_open_slots(address) >= per_hour
  ) then
    retry_at := at + interval '1 second';
  end if;

  is_admitted := retry_at is null;
  if not is_admitted then
    perform limit_store(array[pair, account, address], at);
    retry_after_seconds := seconds_until(retry_at, at);
  end if;
end $$`;

/** The row after its attempt has ended. */
const limitSettled = `
create function limit_settled(r rate_limits, p_role text, p_id uuid, p_outcome text, p_at timestamptz, p_limits jsonb)
returns rate_limits language plpgsql as $$
declare
  was_open boolean;
begin
  r := limit_at(r, p_role, p_at, p_limits);
  was_open := r.open_slots ? p_id::text;
  r.open_slots := r.open_slots - p_id::text;
  if p_outcome = 'SUCCESS' and p_role <> 'address' then
    r := limit_cleared(r);
  elsif p_outcome = 'FAILURE' and was_open then
    r := limit_failed(r, p_role, p_at, p_limits);
  end if;
  return r;
end $$`;

/**
 * Ends an attempt. FAILURE keeps its slot as a failure; SUCCESS gives it back and clears (account, address) and the
 * account, never the address; RETURNED only gives it back. Not flushed, as taking is not: a crash of the database that
 * loses it leaves an open slot, which counts as failed.
 */
const settleAttempt = `
create function settle_attempt(
  p_id uuid, p_pair bytea, p_account bytea, p_address bytea, p_outcome text, p_limits jsonb,
  out is_lock_notice_due boolean, out is_ceiling_passed boolean, out wait_seconds int, out failures int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  r rate_limits;
  pair rate_limits;
  account rate_limits;
  address rate_limits;
begin
  perform set_config('synchronous_commit', 'off', true);
  for r in select * from rate_limits where key in (p_pair, p_account, p_address) order by key for update loop
    case r.key
      when p_pair then pair := limit_settled(r, 'pair', p_id, p_outcome, at, p_limits);
      when p_account then account := limit_settled(r, 'account', p_id, p_outcome, at, p_limits);
      else address := limit_settled(r, 'address', p_id, p_outcome, at, p_limits);
    end case;
  end loop;

  wait_seconds := seconds_until(pair.blocked_until, at);
  failures := account.count;
  is_ceiling_passed := coalesce(account.count >= (p_limits->>'noticeCeiling')::int, false);
  is_lock_notice_due := coalesce(p_outcome = 'FAILURE' and pair.blocked_until > at
    and coalesce(account.noticed_at, '-infinity') <= at - interval '24 hours', false);
  if is_lock_notice_due then
    account.noticed_at := at;
  end if;
  perform limit_store(array[pair, account, address], at);
end $$`;

/**
 * Admits one holder at a time outside a window; within one, every call but the first grows it. The slot is taken first
 * and given back by a refusal. Not flushed: what it opens is flushed with the issue.
 */
const takeCooldown = `
create function take_cooldown(
  p_id uuid, p_key bytea, p_limits jsonb,
  out is_admitted boolean, out retry_at timestamptz, out retry_after_seconds int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  slot jsonb := jsonb_build_object(p_id, extract(epoch from at));
  r rate_limits;
begin
  perform set_config('synchronous_commit', 'off', true);
  insert into rate_limits as t (key, open_slots, updated_at) values (p_key, slot, at)
    on conflict (key) do update set open_slots = t.open_slots || excluded.open_slots, updated_at = at
    returning t.* into r;
  is_admitted := r.open_slots = slot and coalesce(r.blocked_until <= at, true);
  if is_admitted then
    return;
  end if;

  select coalesce(jsonb_object_agg(s.key, s.value), '{}') into r.open_slots from jsonb_each(r.open_slots - p_id::text) s
    where to_timestamp(s.value::double precision) > at - interval '60 seconds';
  if r.blocked_until > at then
    r := limit_pressed(r, at, p_limits);
    retry_at := r.blocked_until;
  elsif r.open_slots <> '{}' then
    retry_at := at + interval '1 second';
  else
    r.open_slots := slot;
    is_admitted := true;
  end if;
  perform limit_store(array[r], at);
  retry_after_seconds := seconds_until(retry_at, at);
end $$`;

/** Ends what take_cooldown admitted: with an issue, which opens a window of the base, or without. */
const settleCooldown = `
create function settle_cooldown(p_id uuid, p_key bytea, p_is_issued boolean, p_limits jsonb) returns void
language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  r rate_limits;
begin
  select * into r from rate_limits where key = p_key for update;
  r.open_slots := r.open_slots - p_id::text;
  if p_is_issued then
    r.step := 1;
    r.is_told := false;
    r.blocked_until := at + limit_window(1, p_limits);
  end if;
  perform limit_store(array[r], at);
end $$`;

/** Counts one use under each key, or under none: each allows so many uses within its period, from its first use on. */
const takeQuota = `
create function take_quota(
  p_keys bytea[], p_maxima int[], p_seconds int[],
  out is_admitted boolean, out retry_at timestamptz, out retry_after_seconds int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  quota record;
begin
  perform limit_lock(p_keys, null);
  update rate_limits r set count = 0, counted_since = null
    from unnest(p_keys, p_seconds) q(key, seconds)
    where r.key = q.key and r.counted_since <= at - make_interval(secs => q.seconds);
  select max(r.counted_since + make_interval(secs => q.seconds)) into retry_at
    from unnest(p_keys, p_maxima, p_seconds) q(key, maximum, seconds) join rate_limits r using (key)
    where r.count >= q.maximum;
  is_admitted := retry_at is null;
  if is_admitted then
    update rate_limits set count = count + 1, counted_since = coalesce(counted_since, at), last_counted_at = at,
      updated_at = at
      where key = any(p_keys);
  else
    retry_after_seconds := seconds_until(retry_at, at);
  end if;
end $$`;

/** The limiter's decisions, each one atomic statement of the caller. The rules are told in `src/domain/limits`. */
export const limitFunctions: readonly string[] = [
  ...limitRowFunctions,
  takeAttempt,
  limitSettled,
  settleAttempt,
  takeCooldown,
  settleCooldown,
  takeQuota,
];
