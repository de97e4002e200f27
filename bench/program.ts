// The program as `npm start` runs it: compiled, since type stripping cannot run decorators.
import type * as AppModule from '../src/app.js';
import type * as LoadConfigModule from '../src/config/load-config.js';
import type * as ConnectModule from '../src/database/connect.js';
import type * as AccessTokensModule from '../src/domain/accounts/access-tokens.js';
import type * as CleanupRunnerModule from '../src/domain/cleanup/cleanup-runner.js';
import type * as ReadReportsModule from '../src/domain/cleanup/read-reports.js';
import type * as ReportRowsModule from '../src/domain/cleanup/report-rows.js';
import type * as RunParametersModule from '../src/domain/cleanup/run-parameters.js';
import type * as RenderCodeFileModule from '../src/files/render-code-file.js';
import type * as LoadersModule from '../src/resolvers/loaders.js';
import type * as SchemaModule from '../src/resolvers/schema.js';

async function compiled(path: string): Promise<unknown> {
  return await import(new URL(`../dist/${path}`, import.meta.url).href);
}

export const { createApp } = (await compiled('app.js')) as typeof AppModule;
export const { loadConfig } = (await compiled('config/load-config.js')) as typeof LoadConfigModule;
export const { AccessTokens } = (await compiled('domain/accounts/access-tokens.js')) as typeof AccessTokensModule;
export const { createLoaders } = (await compiled('resolvers/loaders.js')) as typeof LoadersModule;
export const { buildSparekeySchema } = (await compiled('resolvers/schema.js')) as typeof SchemaModule;
export const { connectDatabase } = (await compiled('database/connect.js')) as typeof ConnectModule;
export const { CleanupRunner } = (await compiled('domain/cleanup/cleanup-runner.js')) as typeof CleanupRunnerModule;
export const { findReport } = (await compiled('domain/cleanup/read-reports.js')) as typeof ReadReportsModule;
export const { insertReport } = (await compiled('domain/cleanup/report-rows.js')) as typeof ReportRowsModule;
export const { parametersOf } = (await compiled('domain/cleanup/run-parameters.js')) as typeof RunParametersModule;
export const { renderCodeFile } = (await compiled('files/render-code-file.js')) as typeof RenderCodeFileModule;
