// The program as `npm start` runs it: compiled, since type stripping cannot run decorators.
import type * as AppModule from '../src/app.js';
import type * as LoadConfigModule from '../src/config/load-config.js';
import type * as AccessTokensModule from '../src/domain/accounts/access-tokens.js';
import type * as LoadersModule from '../src/resolvers/loaders.js';
import type * as SchemaModule from '../src/resolvers/schema.js';

async function compiled(path: string): Promise<unknown> {
  return await import(new URL(`../dist/${path}`, import.meta.url).href);
}

export const MAIN = new URL('../dist/main.js', import.meta.url);

export const { createApp } = (await compiled('app.js')) as typeof AppModule;
export const { loadConfig } = (await compiled('config/load-config.js')) as typeof LoadConfigModule;
export const { AccessTokens } = (await compiled('domain/accounts/access-tokens.js')) as typeof AccessTokensModule;
export const { createLoaders } = (await compiled('resolvers/loaders.js')) as typeof LoadersModule;
export const { buildSparekeySchema } = (await compiled('resolvers/schema.js')) as typeof SchemaModule;
