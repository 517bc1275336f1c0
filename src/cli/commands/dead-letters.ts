import { Command, InvalidArgumentError } from 'commander';

import type { ExportOptions, ListOptions } from '../actions/dead-letters.js';
import type { OrderOptions } from '../actions/letter-orders.js';
import type { LetterOptions } from '../letter-options.js';

export function deadLettersCommand(): Command {
  const command = new Command('dead-letters')
    .description('Look at the dead letters of a running service, replay or discard them.')
    .addHelpText(
      'after',
      `
A dead letter is an event that was rejected, kept whole. Filters of one command must all match; times are ISO 8601 or
how long ago (30m, 2h, 7d).

Environment:
  OPERATOR_URL   URL of the operator port (http://127.0.0.1:9091)

Examples:
  $ heap-destination dead-letters stats
  $ heap-destination dead-letters list --reason heap_rejected --since 2h
  $ heap-destination dead-letters show 001773144000000-5f1d…
  $ heap-destination dead-letters replay --connection web --since 7d --dry-run
  $ heap-destination dead-letters export --app-id 9000000101 > letters.ndjson
  $ heap-destination dead-letters discard --reason expired --until 30d

Exit codes: 0 all well, 1 some letters stayed or it broke off, 2 wrong usage or no service there.`,
    );
  for (const subcommand of [list(), show(), exportAll(), replay(), discard(), stats()]) {
    command.addCommand(subcommand.exitOverride().showHelpAfterError('(add --help for more)'));
  }
  return command;
}

function list(): Command {
  return withFilters('list', 'List dead letters, the oldest first.')
    .option('--limit <n>', 'letters to show', wholeNumber, 50)
    .option('--after <id>', 'show those that come after this one')
    .option('--json', 'one JSON object a line, with the whole event')
    .action(async (options: ListOptions) => {
      const { listLetters } = await import('../actions/dead-letters.js');
      await listLetters(options);
    });
}

function show(): Command {
  return onOperator('show', 'Show one dead letter with its event.')
    .argument('<id>', 'id of the letter')
    .option('--json', 'as JSON on one line')
    .action(async (id: string, options: LetterOptions) => {
      const { showLetter } = await import('../actions/dead-letters.js');
      await showLetter(id, options);
    });
}

function exportAll(): Command {
  return withFilters('export', 'Write dead letters to standard output, one JSON object a line.').action(
    async (options: ExportOptions) => {
      const { exportLetters } = await import('../actions/dead-letters.js');
      await exportLetters(options);
    },
  );
}

function replay(): Command {
  return withOrder('replay', 'Put events of dead letters back into their lanes, through the mapping of today.').action(
    async (ids: readonly string[], options: OrderOptions) => {
      const { replay: run } = await import('../actions/letter-orders.js');
      await run(ids, options);
    },
  );
}

function discard(): Command {
  return withOrder('discard', 'Remove dead letters for good.')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: readonly string[], options: OrderOptions) => {
      const { discard: run } = await import('../actions/letter-orders.js');
      await run(ids, options);
    });
}

function stats(): Command {
  return onOperator('stats', 'Count dead letters by reason and connection.')
    .option('--json', 'as JSON')
    .action(async (options: LetterOptions) => {
      const { showStatistics } = await import('../actions/dead-letters.js');
      await showStatistics(options);
    });
}

function withOrder(name: string, description: string): Command {
  return withFilters(name, description)
    .argument('[id...]', 'ids of letters')
    .option('--all', 'every dead letter')
    .option('--dry-run', 'change nothing, say what would happen')
    .option('--limit <n>', 'letters to look at, at most', wholeNumber)
    .option('--json', 'as JSON');
}

function withFilters(name: string, description: string): Command {
  return onOperator(name, description)
    .option('--reason <code>', 'why they were rejected, as in docs/reasons.md')
    .option('--connection <id>', 'connection that took them in')
    .option('--app-id <id>', 'Heap environment')
    .option('--region <region>', 'us or eu')
    .option('--lane <key>', 'lane, such as us:9000000101')
    .option('--message-id <id>', 'messageId of the event')
    .option('--since <time>', 'rejected then or later')
    .option('--until <time>', 'rejected before');
}

function onOperator(name: string, description: string): Command {
  return new Command(name).description(description).option('--operator <url>', 'operator port (or OPERATOR_URL)');
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('it takes a whole number');
}
