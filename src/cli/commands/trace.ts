import { Command } from 'commander';

import type { TraceOptions } from '../actions/trace.js';

export function traceCommand(): Command {
  return new Command('trace')
    .description('Say what became of one event, or of the last events about somebody.')
    .argument('[messageId]', 'messageId of the event')
    .option('--identity <id>', 'an identity, a user_id or an account instead')
    .option('--app-id <id>', 'with --identity: in this Heap environment only')
    .option('--limit <n>', 'with --identity: events to show (20)')
    .option('--operator <url>', 'operator port, for each replica (or OPERATOR_URL, joined by commas)', collect)
    .option('--json', 'one JSON object per replica')
    .addHelpText(
      'after',
      `
A service remembers the last events of each app since it was started; what became a dead letter is found for as long as
it is kept. Several replicas are asked for themselves: name each.

Examples:
  $ heap-destination trace 0b8ef3a2-40cd-4c3f-a1e2-9d3c
  $ heap-destination trace --identity ann@example.com --app-id 9000000101
  $ OPERATOR_URL=http://a:9091,http://b:9091 heap-destination trace m-17

Exit codes: 0 found, 1 not known there, 2 wrong usage or no service there.`,
    )
    .action(async (messageId: string | undefined, options: TraceOptions) => {
      const { trace } = await import('../actions/trace.js');
      await trace(messageId, options);
    });
}

function collect(url: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, url];
}
