import { GraphQLDateTime } from 'graphql-scalars';

/** ISO 8601 in UTC, with milliseconds. */
export const DateTime = GraphQLDateTime;
