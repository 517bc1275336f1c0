import { Command, Option } from 'commander';

import type { TransformOptions } from '../actions/transform.js';

export function transformCommand(): Command {
  return new Command('transform')
    .description('Turn events (one JSON object a line, on standard input) into the requests that Heap would get.')
    .option('-c, --config <file>', 'configuration file')
    .option('--connection <id>', 'the connection of the file to use; the first without it')
    .addOption(
      new Option('--preset <name>', 'mapping to use without a file')
        .choices(['heap', 'rudderstack'])
        .conflicts('config'),
    )
    .option('--per-event', 'show what each event becomes instead of batched requests')
    .addHelpText(
      'after',
      `
Writes one JSON object a line: {"method","url","headers","body"}, or with --per-event {"line","operations"} or
{"line","outcome","reason"}. Rejected events are counted on standard error. Memory does not grow with the input.

Examples:
  $ heap-destination transform < events.ndjson > requests.ndjson
  $ zcat events.ndjson.gz | heap-destination transform --per-event | grep rejected
  $ heap-destination transform --config heap-destination.yaml --connection web < events.ndjson
  $ heap-destination transform --preset rudderstack < events.ndjson

Exit codes: 0 all mapped, 1 some events were rejected, 2 wrong usage or configuration.`,
    )
    .action(async (options: TransformOptions) => {
      const { transform } = await import('../actions/transform.js');
      await transform(options);
    });
}
