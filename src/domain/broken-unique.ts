const UNIQUE_VIOLATION = '23505';

/** The name of the unique constraint or index that a statement went against; undefined for any other error. */
export function brokenUnique(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === UNIQUE_VIOLATION)) return undefined;
  return 'constraint' in error ? String(error.constraint) : '';
}
