/**
 * Evidence is append-only: the database refuses DELETE but for the cleanup (which sets `sparekey.cleanup` for its
 * transaction), and every UPDATE but one that only raises `count` on a folded event.
 */
export const auditTrigger: readonly string[] = [
  `create function audit_events_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('sparekey.cleanup', true) = 'on' then
    return old;
  end if;
  if tg_op = 'UPDATE' and old.fold_key is not null and new.count > old.count
    and to_jsonb(new) - 'count' = to_jsonb(old) - 'count' then
    return new;
  end if;
  raise exception 'audit events are append-only' using errcode = 'integrity_constraint_violation';
end $$`,
  `create trigger audit_events_guard before update or delete on audit_events
  for each row execute function audit_events_guard()`,
  `create trigger audit_events_no_truncate before truncate on audit_events
  for each statement execute function audit_events_guard()`,
];
