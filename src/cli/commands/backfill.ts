import { Command, InvalidArgumentError, Option } from 'commander';

import type { BackfillOptions } from '../actions/backfill.js';

export function backfillCommand(): Command {
  return new Command('backfill')
    .description('Bring history, a file with one event a line, into the store, through a running service, or to Heap.')
    .argument('<file>', 'events as JSON objects, one a line; gzip is recognised')
    .option('-c, --config <file>', 'configuration file (or HEAP_DESTINATION_CONFIG)')
    .option('--connection <id>', 'the connection that the events are of; to be given where there are several')
    .addOption(
      new Option('--to <place>', 'store: a service delivers it; heap: this process does')
        .choices(['store', 'heap'])
        .default('store'),
    )
    .addOption(
      new Option('--door <url>', 'through the data port of a running service').argParser(httpUrl).conflicts('to'),
    )
    .option('--dry-run', 'map only, and tell what would become of the file')
    .option('--now-for-missing-timestamps', 'events that name no time count for now; without it they are rejected')
    .option('--max-rejects <count>', 'stop at so many rejects; 0 for no limit', wholeNumber, 1_000)
    .addOption(
      new Option('--max-waiting <events>', 'wait while so many events of the app wait in the store')
        .argParser(wholeNumber)
        .conflicts('door'),
    )
    .option('--rejects <file>', 'where rejected lines go (FILE.rejects.ndjson)')
    .option('--checkpoint <file>', 'where it is kept how far it came (FILE.backfill.json)')
    .option('--restart', 'begin anew, whatever the checkpoint says')
    .option('--json', 'report as a JSON object')
    .addHelpText(
      'after',
      `
Interrupted, by whatever, it goes on from where it was when the same command is run again. The same event of the same
file always has the same messageId, so that what is repeated counts once. Rejected lines are written to a file with
their reasons, and never become dead letters.

Examples:
  $ heap-destination backfill 2025.ndjson.gz --connection web --dry-run
  $ heap-destination backfill 2025.ndjson.gz --connection web --config heap-destination.yaml
  $ heap-destination backfill 2025.ndjson.gz --connection web --door http://127.0.0.1:9090
  $ heap-destination backfill 2025.ndjson.gz --connection web --to heap

Exit codes: 0 all of it is there, 1 some was rejected or it stopped early, 2 wrong usage or configuration.`,
    )
    .action(async (file: string, options: BackfillOptions) => {
      const { backfill } = await import('../actions/backfill.js');
      await backfill(file, options);
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function httpUrl(text: string): string {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  if (!isHttp) throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:9090.');
  return text;
}
