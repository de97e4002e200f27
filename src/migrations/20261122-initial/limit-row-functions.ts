/**
 * The n-th window of the growing sequence: base, base × multiplier, … up to the cutoff. The exponent is clamped. A caller
 * that waited for the row's lock has an older time than the one before it, so that no window may end before one already
 * told.
 */
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
    r.step := least(r.step, 1000) + 1;
    r.blocked_until := greatest(r.blocked_until, p_at + limit_window(r.step, p_limits));
  end if;
  return r;
end $$`;

/** One call within a window: the first is told the rest of it, each later one sets the next window. */
const limitPressed = `
create function limit_pressed(r rate_limits, p_at timestamptz, p_limits jsonb) returns rate_limits
language plpgsql as $$
begin
  if r.is_told then
    r.step := least(r.step, 1000) + 1;
    r.blocked_until := greatest(r.blocked_until, p_at + limit_window(r.step, p_limits));
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
create function limit_open_slots(r rate_limits) returns int language plpgsql immutable as $$
begin
  if coalesce(r.open_slots, '{}') = '{}' then
    return 0;
  end if;
  return (select count(*) from jsonb_object_keys(r.open_slots));
end $$`;

/** An old count is forgotten: an address's with its hour, any other 24 hours after its last failure. */
const limitForgotten = `
create function limit_forgotten(r rate_limits, p_role text, p_at timestamptz) returns rate_limits
language plpgsql as $$
begin
  if p_role = 'address' then
    if r.counted_since <= p_at - interval '1 hour' then
      r := limit_cleared(r);
    end if;
  elsif r.last_counted_at <= p_at - interval '24 hours' and coalesce(r.blocked_until, p_at) <= p_at then
    r := limit_cleared(r);
  end if;
  return r;
end $$`;

/** The row as it reads now: slots open for 60 s have failed, each at its own time; an old count is forgotten. */
const limitAt = `
create function limit_at(r rate_limits, p_role text, p_at timestamptz, p_limits jsonb) returns rate_limits
language plpgsql as $$
declare
  slot record;
begin
  if r.open_slots <> '{}' then
    for slot in
      select s.key as id, to_timestamp(s.value::double precision) + interval '60 seconds' as failed_at
      from jsonb_each_text(r.open_slots) s order by 2
    loop
      if slot.failed_at <= p_at then
        r.open_slots := r.open_slots - slot.id;
        r := limit_failed(limit_forgotten(r, p_role, slot.failed_at), p_role, slot.failed_at, p_limits);
      end if;
    end loop;
  end if;
  return limit_forgotten(r, p_role, p_at);
end $$`;

/** Stores rows that are locked: one statement for all of them, which costs what one row costs. */
const limitStore = `
create function limit_store(p_rows rate_limits[], p_at timestamptz) returns void language plpgsql as $$
begin
  update rate_limits t set count = r.count, open_slots = r.open_slots, step = r.step, is_told = r.is_told,
    blocked_until = r.blocked_until, counted_since = r.counted_since, last_counted_at = r.last_counted_at,
    noticed_at = r.noticed_at, updated_at = p_at
  from unnest(p_rows) r where t.key = r.key;
end $$`;

/** Makes the rows that are missing, locks all of them, always in the same order, and returns them. */
const limitLock = `
create function limit_lock(p_keys bytea[], p_owner bytea) returns setof rate_limits language plpgsql as $$
begin
  insert into rate_limits (key, owner_key)
    select k, case when k = p_keys[1] then p_owner end from unnest(p_keys) k where k is not null order by k
    on conflict do nothing;
  return query select * from rate_limits where key = any(p_keys) order by key for update;
end $$`;

const secondsUntil = `
create function seconds_until(p_until timestamptz, p_at timestamptz) returns int language sql immutable as $$
  select greatest(ceil(extract(epoch from p_until - p_at)), 1)::int
$$`;

/** What the limiter's decisions are made of: how one row reads, fails, is pressed, cleared, locked and stored. */
export const limitRowFunctions: readonly string[] = [
  limitWindow,
  limitFailed,
  limitPressed,
  limitCleared,
  limitOpenSlots,
  limitForgotten,
  limitAt,
  limitStore,
  limitLock,
  secondsUntil,
];
