import pg from 'pg';

const CONTROL = /^(?:begin|start transaction|commit|rollback)\b/i;

/**
 * What a process asks by itself now and then: polling, what it keeps for a minute, whose session it is (for seconds), and
 * whether its lines are alive.
 */
const NOW_AND_THEN =
  /^\s*update outbox set attempts|\bfrom signing_keys\b|\bfrom sessions s join accounts a on a\.id = s\.account_id\s+where s\.id = \$1|^\s*with recursive used\b|^select 1 as alive$|^listen |^update "agenda_jobs"/i;

/**
 * Runs something and returns the texts of the statements that this process sent meanwhile, in their order, without
 * transaction control, those of `tests` (the test's own pool) and what it asks now and then. Let nothing else be due in the
 * outbox: see `holdOutbox`.
 */
export async function statementsOf(tests: pg.Pool, run: () => Promise<unknown>): Promise<string[]> {
  const texts: string[] = [];
  const original = pg.Client.prototype.query;
  const own = new Set<unknown>((tests as unknown as { _clients: unknown[] })._clients);
  const add = (client: unknown) => own.add(client);
  tests.on('connect', add);
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    const text = textOf(args[0]);
    if (!own.has(this) && !CONTROL.test(text) && !NOW_AND_THEN.test(text)) texts.push(text);
    return (original as (...all: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    await run();
  } finally {
    pg.Client.prototype.query = original;
    tests.off('connect', add);
  }
  return texts;
}

function textOf(query: unknown): string {
  const text = typeof query === 'object' && query !== null && 'text' in query ? query.text : query;
  return String(text);
}

/** Makes whatever comes into the outbox due tomorrow, so that the relay leaves it alone. */
export async function holdOutbox(pool: pg.Pool): Promise<void> {
  await pool.query(`alter table outbox alter column due_at set default now() + interval '1 day'`);
}
