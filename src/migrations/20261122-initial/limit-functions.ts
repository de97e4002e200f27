/** The n-th window of the growing sequence: base, base × multiplier, … up to the cutoff. The exponent is clamped. */
const limitWindow = `
create function limit_window(p_step int, p_limits jsonb) returns interval language sql immutable as $$
  select make_interval(secs => least(
    (p_limits->>'base')::double precision * power((p_limits->>'multiplier')::double precision, least(p_step - 1, 64)),
    (p_limits->>'cutoff')::double precision))
$$`;

/** One failure more. The failure that reaches the maximum, and each one after it, sets the next window. */
const limitFailed = `
create function limit_failed(r rate_limits, p_role text, p_at timestamptz, p_limits jsonb) returns rate_limits
language plpgsql as $$
begin
  r.count := r.count + 1;
  r.counted_since := coalesce(r.counted_since, p_at);
  r.last_counted_at := greatest(r.last_counted_at, p_at);
  if p_role = 'pair' and r.count >= (p_limits->>'max')::int then
    r.step := r.step + 1;
    r.blocked_until := p_at + limit_window(r.step, p_limits);
  end if;
  return r;
end $$`;

/** One call within a window: the first is told the rest of it, each later one sets the next window. */
const limitPressed = `
create function limit_pressed(r rate_limits, p_at timestamptz, p_limits jsonb) returns rate_limits
language plpgsql as $$
begin
  if r.is_told then
    r.step := r.step + 1;
    r.blocked_until := p_at + limit_window(r.step, p_limits);
  end if;
  r.is_told := true;
  return r;
end $$`;

const limitCleared = `
create function limit_cleared(r rate_limits) returns rate_limits language plpgsql as $$
begin
  r.count := 0;
  r.step := 0;
  r.is_told := false;
  r.blocked_until := null;
  r.counted_since := null;
  r.last_counted_at := null;
  return r;
end $$`;

const limitOpenSlots = `
create function limit_open_slots(r rate_limits) returns int language sql immutable as $$
  select count(*)::int from jsonb_object_keys(coalesce(r.open_slots, '{}'))
$$`;

/** The row as it reads now: slots open for 60 s have failed; an old count is forgotten. */
const limitAt = `
create function limit_at(p_key bytea, p_role text, p_at timestamptz, p_limits jsonb) returns rate_limits
language plpgsql as $$
declare
  r rate_limits;
  slot record;
begin
  select * into r from rate_limits where key = p_key;
  if r.key is null then
    return r;
  end if;
  for slot in
    select s.key as id, to_timestamp(s.value::double precision) + interval '60 seconds' as failed_at
    from jsonb_each_text(r.open_slots) s order by 2
  loop
    if slot.failed_at <= p_at then
      r.open_slots := r.open_slots - slot.id;
      r := limit_failed(r, p_role, slot.failed_at, p_limits);
    end if;
  end loop;
  if p_role = 'address' then
    if r.counted_since <= p_at - interval '1 hour' then
      r := limit_cleared(r);
    end if;
  elsif r.last_counted_at <= p_at - interval '24 hours' and coalesce(r.blocked_until, p_at) <= p_at then
    r := limit_cleared(r);
  end if;
  return r;
end $$`;

const limitStore = `
create function limit_store(r rate_limits, p_at timestamptz) returns void language plpgsql as $$
begin
  update rate_limits set count = r.count, open_slots = r.open_slots, step = r.step, is_told = r.is_told,
    blocked_until = r.blocked_until, counted_since = r.counted_since, last_counted_at = r.last_counted_at,
    noticed_at = r.noticed_at, updated_at = p_at
  where key = r.key;
end $$`;

/** Makes the rows that are missing and locks all of them, always in the same order. */
const limitLock = `
create function limit_lock(p_keys bytea[], p_owner bytea) returns void language plpgsql as $$
begin
  insert into rate_limits (key, owner_key)
    select k, case when k = p_keys[1] then p_owner end from unnest(p_keys) k where k is not null order by k
    on conflict do nothing;
  perform 1 from rate_limits where key = any(p_keys) order by key for update;
end $$`;

const secondsUntil = `
create function seconds_until(p_until timestamptz, p_at timestamptz) returns int language sql immutable as $$
  select greatest(ceil(extract(epoch from p_until - p_at)), 1)::int
$$`;

/**
 * Takes a slot under (account, address), account and address, or refuses and says until when. Open slots count as
 * failures. A refusal changes nothing but the window that it grows. Losing the last moments of these rows in a crash
 * of the database is accepted (synchronous_commit off), so that one busy address is not held to one flush at a time.
 */
const takeAttempt = `
create function take_attempt(
  p_id uuid, p_pair bytea, p_account bytea, p_address bytea, p_limits jsonb,
  out is_admitted boolean, out retry_at timestamptz, out retry_after_seconds int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  slot jsonb := jsonb_build_object(p_id, extract(epoch from at));
  maximum int := (p_limits->>'max')::int;
  ceiling int := (p_limits->>'ceiling')::int;
  per_hour int := (p_limits->>'perHour')::int;
  pair rate_limits;
  account rate_limits;
  address rate_limits;
begin
  perform set_config('synchronous_commit', 'off', true);
  perform limit_lock(array[p_pair, p_account, p_address], p_account);
  pair := limit_at(p_pair, 'pair', at, p_limits);
  account := limit_at(p_account, 'account', at, p_limits);
  address := limit_at(p_address, 'address', at, p_limits);

  if pair.blocked_until > at then
    pair := limit_pressed(pair, at, p_limits);
    perform limit_store(pair, at);
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
  if is_admitted then
    pair.open_slots := pair.open_slots || slot;
    account.open_slots := account.open_slots || slot;
    address.open_slots := address.open_slots || slot;
    perform limit_store(pair, at);
    perform limit_store(account, at);
    perform limit_store(address, at);
  else
    retry_after_seconds := seconds_until(retry_at, at);
  end if;
end $$`;

/**
 * Ends an attempt. FAILURE keeps its slot as a failure; SUCCESS gives it back and clears (account, address) and the
 * account, never the address; RETURNED only gives it back.
 */
const settleAttempt = `
create function settle_attempt(
  p_id uuid, p_pair bytea, p_account bytea, p_address bytea, p_outcome text, p_limits jsonb,
  out is_lock_notice_due boolean, out is_ceiling_passed boolean, out wait_seconds int, out failures int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  role text;
  r rate_limits;
  was_open boolean;
  is_locked boolean := false;
begin
  perform 1 from rate_limits where key in (p_pair, p_account, p_address) order by key for update;
  is_lock_notice_due := false;
  is_ceiling_passed := false;
  foreach role in array array['pair', 'address', 'account'] loop
    r := limit_at(case role when 'pair' then p_pair when 'account' then p_account else p_address end, role, at, p_limits);
    was_open := coalesce(r.open_slots, '{}') ? p_id::text;
    r.open_slots := r.open_slots - p_id::text;
    if p_outcome = 'SUCCESS' and role <> 'address' then
      r := limit_cleared(r);
    elsif p_outcome = 'FAILURE' and was_open then
      r := limit_failed(r, role, at, p_limits);
    end if;
    if role = 'pair' then
      is_locked := r.blocked_until > at;
      wait_seconds := seconds_until(r.blocked_until, at);
    elsif role = 'account' then
      failures := r.count;
      is_ceiling_passed := r.count >= (p_limits->>'noticeCeiling')::int;
      is_lock_notice_due := is_locked and coalesce(r.noticed_at, '-infinity') <= at - interval '24 hours';
      if is_lock_notice_due then
        r.noticed_at := at;
      end if;
    end if;
    perform limit_store(r, at);
  end loop;
  is_lock_notice_due := coalesce(is_lock_notice_due, false);
  is_ceiling_passed := coalesce(is_ceiling_passed, false);
end $$`;

/** Admits one holder at a time outside a window; within one, every call but the first grows it. */
const takeCooldown = `
create function take_cooldown(
  p_id uuid, p_key bytea, p_limits jsonb,
  out is_admitted boolean, out retry_at timestamptz, out retry_after_seconds int
) language plpgsql as $$
declare
  at timestamptz := sparekey_now();
  r rate_limits;
begin
  perform limit_lock(array[p_key], null);
  select * into r from rate_limits where key = p_key;
  select coalesce(jsonb_object_agg(s.key, s.value), '{}') into r.open_slots from jsonb_each(r.open_slots) s
    where to_timestamp(s.value::double precision) > at - interval '60 seconds';
  if r.blocked_until > at then
    r := limit_pressed(r, at, p_limits);
    retry_at := r.blocked_until;
  elsif limit_open_slots(r) > 0 then
    retry_at := at + interval '1 second';
  else
    r.open_slots := jsonb_build_object(p_id, extract(epoch from at));
  end if;
  perform limit_store(r, at);
  is_admitted := retry_at is null;
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
  perform limit_store(r, at);
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
  limitWindow,
  limitFailed,
  limitPressed,
  limitCleared,
  limitOpenSlots,
  limitAt,
  limitStore,
  limitLock,
  secondsUntil,
  takeAttempt,
  settleAttempt,
  takeCooldown,
  settleCooldown,
  takeQuota,
];
