import type { Selectable } from 'kysely';
import type { InferKyselyDB } from '@mikro-orm/postgresql';
import type { entities } from './index.js';

type ByProperty = { columnNamingStrategy: 'property' };

/** Every table with its columns, in camelCase, as the query builder sees them. */
export type Tables = InferKyselyDB<(typeof entities)[number], ByProperty>;

export type Row<Table extends keyof Tables> = Selectable<Tables[Table]>;
