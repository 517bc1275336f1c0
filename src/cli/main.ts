#!/usr/bin/env node
import { Command, CommanderError } from 'commander';

import { packageVersion } from '../service/package-version.js';
import { backfillCommand } from './commands/backfill.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { serveCommand } from './commands/serve.js';
import { simulatorCommand } from './commands/simulator.js';
import { testMappingCommand } from './commands/test-mapping.js';
import { traceCommand } from './commands/trace.js';
import { transformCommand } from './commands/transform.js';
import { transformerCommand } from './commands/transformer.js';
import { validateCommand } from './commands/validate.js';
import { exitCodes } from './exit-codes.js';

// What a command does is loaded when it is asked for: a transformer has no use for the memory of all the others.
const program = new Command('heap-destination')
  .description('Delivers customer-data-platform events to Heap: maps, batches, retries.')
  .version(packageVersion)
  .showHelpAfterError('(add --help for more)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Examples:
  $ heap-destination serve --config heap-destination.yaml
  $ HEAP_APP_ID=9000000101 WRITE_KEY=secret heap-destination serve
  $ heap-destination transformer
  $ heap-destination validate heap-destination.yaml
  $ heap-destination transform --per-event < events.ndjson
  $ heap-destination test-mapping my-cases --config heap-destination.yaml
  $ heap-destination backfill 2025.ndjson.gz --config heap-destination.yaml --connection web
  $ heap-destination dead-letters list --since 2h
  $ heap-destination trace 0b8ef3a2-40cd-4c3f-a1e2-9d3c

Exit codes: 0 all well, 1 something was rejected or failed, 2 wrong usage or configuration.`,
  );

const commands = [
  serveCommand,
  transformerCommand,
  simulatorCommand,
  validateCommand,
  transformCommand,
  testMappingCommand,
  backfillCommand,
  deadLettersCommand,
  traceCommand,
];
for (const command of commands) {
  program.addCommand(command().exitOverride().copyInheritedSettings(program));
}

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed its message; --help and --version end with 0.
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
}
