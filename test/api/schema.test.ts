import { describe, expect, it } from '@jest/globals';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { isEnumType, lexicographicSortSchema } from 'graphql';
import { readFileSync } from 'node:fs';
import { ERROR_CODES } from '../../src/domain/errors.js';
import { buildSparekeySchema } from '../../src/resolvers/schema.js';
import { objectTypes } from '../support/schema-walk.js';

const schema = await buildSparekeySchema();

describe('the schema', () => {
  it('is what schema.graphql says: after a change, run `npm run schema` and commit it', () => {
    const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    const emitted = printSchemaWithDirectives(lexicographicSortSchema(schema)).trimEnd();
    expect(committed.replace(/^#.*\n+/, '').trimEnd()).toBe(emitted);
  });

  it('names every code that an error can have', () => {
    const type = schema.getType('ErrorCode');
    const names = isEnumType(type) ? type.getValues().map(({ name }) => name) : [];
    expect(names).toEqual([...ERROR_CODES]);
  });

  it('shows plaintext in the answer to an issue only, and hashes, keys and tokens nowhere else than where they are given', () => {
    const fields = objectTypes(schema).flatMap((type) =>
      Object.keys(type.getFields()).map((name) => `${type.name}.${name}`),
    );
    const telling = fields.filter((field) =>
      /\.(?:code|plaintext|secret)$|hash|salt|pepper|token|password|sealed/i.test(field),
    );
    expect(telling).toEqual([
      // Whether they are taken.
      'OidcClient.acceptIdTokens',
      'IssuedRecoveryCode.code',
      'CreateServiceKeyPayload.secret',
      'SignInPayload.accessToken',
      'SignInPayload.accessTokenExpiresAt',
      'SignInPayload.refreshToken',
    ]);
  });
});
