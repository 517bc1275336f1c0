import { Command } from 'commander';

import type { TestMappingOptions } from '../actions/test-mapping.js';

export function testMappingCommand(): Command {
  return new Command('test-mapping')
    .description('Run mapping cases: small JSON files that say what an event becomes.')
    .argument('<dir...>', 'folders with cases')
    .option('-c, --config <file>', 'configuration whose connection the cases are run with')
    .option('--connection <id>', 'the connection of the file to use; the first without it')
    .option('--update', 'write what the mapping does today into the cases that fail, and show the difference')
    .addHelpText(
      'after',
      `
A case: {"description": "…", "config": {…}, "event": {…}, "expected": {"operations": […]} or {"reason": "…"}}

Examples:
  $ heap-destination test-mapping my-cases
  $ heap-destination test-mapping my-cases --config heap-destination.yaml --connection web
  $ heap-destination test-mapping my-cases --update`,
    )
    .action(async (folders: readonly string[], options: TestMappingOptions) => {
      const { testMapping } = await import('../actions/test-mapping.js');
      testMapping(folders, options);
    });
}
