#!/usr/bin/env node
import { CommanderError, program } from 'commander';
import { version } from '../version.js';
import { check } from './check.js';
import { createAdmin } from './create-admin.js';
import { generateKeyCommand } from './generate-key.js';
import { migrateCommand } from './migrate.js';
import { serve } from './serve.js';

/** 0 done, 1 failed, 2 wrong use. */
const WRONG_USE = 2;

for (const command of [serve, migrateCommand, check, generateKeyCommand, createAdmin]) {
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
  console.error(error instanceof Error ? error.message : String(error));
  return 1;
}
