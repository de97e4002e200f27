const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** Whether a value from outside has the form of our ids, to the letter; what has not, names nothing. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}
