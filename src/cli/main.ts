#!/usr/bin/env node
import { CommanderError, program } from 'commander';
import { version } from '../version.js';
import { check } from './check.js';
import { BadUserInputError } from '../domain/errors.js';
import { cleanupCommands } from './cleanup-commands.js';
import { createAdmin } from './create-admin.js';
import { flushJobs } from './flush-jobs.js';
import { generateKeyCommand } from './generate-key.js';
import { migrateCommand } from './migrate.js';
import { refreshOidcClientsJwks } from './refresh-oidc-clients-jwks.js';
import { rotateKeys } from './rotate-keys.js';
import { serve } from './serve.js';

/** 0 done, 1 failed, 2 wrong use. */
const WRONG_USE = 2;

for (const command of [
  serve,
  migrateCommand,
  check,
  generateKeyCommand,
  createAdmin,
  ...cleanupCommands,
  rotateKeys,
  refreshOidcClientsJwks,
  flushJobs,
]) {
  program.addCommand(command.exitOverride());
}

try {
  await program
    .name('sparekey')
    .description(
      'Recovery codes for any application. Settings are environment variables; `check` lists their problems.',
    )
    .version(version)
    .exitOverride()
    .parseAsync();
} catch (error) {
  // Commander has printed its own complaint by then; help and version are no complaint.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : WRONG_USE) : fail(error);
}

function fail(error: unknown): number {
  if (error instanceof BadUserInputError) {
    console.error(`${error.path}: ${error.message}`);
    return WRONG_USE;
  }
  console.error(error instanceof Error ? error.message : String(error));
  return 1;
}
