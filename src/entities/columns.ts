import { p } from '@mikro-orm/core';

/** A point in time to the microsecond, always with its zone. */
export const timestamp = () => p.datetime().columnType('timestamptz');

/** When the row was made, by the database's clock (which tests may shift). */
export const createdAt = () => timestamp().defaultRaw('sparekey_now()');

/** A UUID that the application draws (version 7, so that inserts stay local in the index). */
export const id = () => p.uuid().primary();
