import type { Received } from './compare.js';
import type { Difference } from './difference.js';
import type { Expectation } from './expectation.js';
import { heapPaths, operationKinds, requestsByKind } from './heap-requests.js';
import { sumBy, sumOf } from './read-metrics.js';
import { grouped, table } from './table.js';
import type { Traffic } from './tally.js';

export interface Run {
  readonly expected: Expectation;
  readonly received: Received;
  readonly traffic: Traffic;
  readonly seconds: number;
}

type Print = (text: string) => void;

/** Tells what went in, what came out and what it took. */
export function printSummary(run: Run, print: Print): void {
  printEvents(run, print);
  printHeap(run, print);
  printRequests(run, print);
  printRefusals(run, print);
}

function printEvents({ received: { answers, metrics }, traffic, seconds }: Run, print: Print): void {
  const outcomes = sumBy(metrics, 'heap_destination_event_outcomes_total', 'outcome');
  const repeats = sumOf(metrics, 'heap_destination_event_repeats_total');
  const { requests, gzipRequests, repeatedRequests, bytes } = traffic;
  const again = repeatedRequests === 0 ? '' : `, ${repeatedRequests} sent again`;
  print('\nEvents from the CDP\n');
  print(
    `  ${grouped(answers.events)} events in ${requests} requests (${gzipRequests} gzip${again}; ` +
      `${grouped(Math.round(bytes / 1024))} KiB) in ${seconds.toFixed(1)} s: ` +
      `${grouped(answers.accepted)} accepted, ${answers.rejected} rejected at once\n` +
      `  In the end ${grouped(outcomes.delivered ?? 0)} delivered, ${repeats} known as repeats, ` +
      `${outcomes.dropped ?? 0} dropped, ${outcomes.rejected ?? 0} rejected\n`,
  );
}

function printHeap({ expected, received: { heap } }: Run, print: Print): void {
  const rows = Object.entries(expected.apps).map(([appId, { connection }]) => {
    const facts = heap.get(appId);
    const counts = [facts?.tracks, facts?.users, facts?.merges, facts?.accounts].map((listing) => listing?.length ?? 0);
    return [appId, connection, ...counts, facts?.anonymousUsers ?? 0];
  });
  print('\nWhat Heap holds now\n');
  print(table([['app_id', 'connection', 'events', 'users', 'merged', 'accounts', 'still anonymous'], ...rows]));
}

function printRequests({ received: { stats, metrics } }: Run, print: Print): void {
  const operations = sumBy(metrics, 'heap_destination_operations_total', 'kind');
  const requests = requestsByKind(stats);
  const rows = operationKinds.map((kind) => [heapPaths[kind], operations[kind] ?? 0, requests[kind]] as const);
  const writes = rows.reduce((sum, row) => sum + row[1], 0);
  const made = rows.reduce((sum, row) => sum + row[2], 0);
  const share = writes === 0 ? 0 : (100 * (writes - made)) / writes;
  print('\nRequests to Heap\n');
  print(table([['endpoint', 'writes', 'requests'], ...rows]));
  print(
    `  ${grouped(writes)} writes in ${grouped(made)} requests: ${grouped(writes - made)} saved, ${share.toFixed(1)} %` +
      ' (identify has no bulk form)\n',
  );
}

function printRefusals({ received: { letters, metrics } }: Run, print: Print): void {
  const byReason = Object.entries(sumBy(metrics, 'heap_destination_event_outcomes_total', 'reason'));
  const refused = byReason
    .filter(([reason]) => reason !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, count]) => {
      const kept = letters.filter((letter) => letter.reason === reason).map(({ messageId }) => messageId);
      return [reason, count, kept.length, kept.toSorted()[0] ?? ''];
    });
  print('\nEvents that were refused, each by itself: nobody else’s event was lost with it\n');
  print(table([['reason', 'events', 'dead letters', 'for example'], ...refused]));
  print('\nEvents that were delivered with something put right\n');
  const adjustments = sumBy(metrics, 'heap_destination_event_adjustments_total', 'reason');
  print(table([['adjustment', 'events'], ...Object.entries(adjustments).sort(([a], [b]) => (a < b ? -1 : 1))]));
}

/** The verdict, and what differs where something does. */
export function printVerdict(differences: readonly Difference[], print: Print): void {
  if (differences.length === 0) {
    print('\nAll as expected: every event, property, merge, dead letter and counter matches demo/expected.json.\n');
    return;
  }
  print(`\nNOT as expected, ${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}:\n`);
  for (const { what, expected, received, lines } of differences) {
    print(`  ${what}\n    expected ${expected}\n    received ${received}\n`);
    for (const line of lines) print(`      ${line}\n`);
  }
}

export function printWhatNext(print: Print): void {
  print(
    '\nWhere to look next\n' +
      table([
        ['npm run demo -- --stay', 'runs this again and leaves both servers up, to look around:'],
        ['', '/metrics and /dead-letters on the operator port, /_simulator/state on the simulator'],
        ['npm start', 'the service by itself; README.md shows how to configure and feed it'],
        ['docs/', 'the mapping, every reason, every metric'],
        ['demo/events.ndjson', 'what was sent; demo/generator tells the story behind it'],
      ]),
  );
}
