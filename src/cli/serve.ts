import { Command } from 'commander';
import { runServer } from '../run-server.js';

export const serve = new Command('serve')
  .description('Serve until told to stop, as `npm start` does.')
  .action(async () => {
    process.exitCode = await runServer();
  });
