/**
 * The one clock of all rules. The setting `sparekey.clock_offset_seconds` shifts it for tests; production refuses to
 * start with it.
 */
export const clockFunction = `
create function sparekey_now() returns timestamptz language sql stable parallel safe as $$
  select now() + make_interval(secs => coalesce(nullif(current_setting('sparekey.clock_offset_seconds', true), ''), '0')::double precision)
$$`;
