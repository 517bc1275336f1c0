/**
 * npm run bench:delivery: events per second and CPU per event of delivery with 1 to 1,000 lanes, beside a naive sender
 * (one request per event) and the floor (the router's requests, ready-made) in the same run. All use the same HTTP client
 * and as many connections; Heap is played by a process of its own that answers after 20 ms, on the loopback interface.
 * CPU is that of the sending process alone: router, making requests, HTTP, the garbage collector. The events are made
 * before the clock starts. After every run the sink says whether each event has arrived once.
 *
 * Lanes are compared with the same number of events in requests of the same size: 100, all of one lane's next request
 * arriving together, as sources send them. The last row is the other case: 1,000 lanes that get one event each in turn,
 * so that requests are as small as lingering and back-pressure make them. Rate limits count and never hold anybody up.
 * CPU per event is the figure to read, and of it the ratios; events/s say what two cores left to three processes.
 */
import { Child } from './delivery/child.js';
import { readOptions, usage } from './delivery/options.js';
import type { Batch, RunResult, Tally } from './delivery/plan.js';
import { report } from './delivery/report.js';
import { rowsOf, type Row } from './delivery/rows.js';

const latencyMs = 20;

/** No round is begun after this time: a slow machine gets fewer rounds, not a longer run. */
const lastStartMs = 240_000;

interface Sending {
  readonly row: Row;
  readonly sender: Child<Batch, RunResult>;
  readonly results: RunResult[];
}

const read = readOptions(process.argv.slice(2));
if (read.outcome === 'fault') {
  process.stderr.write(`${read.message}\n\n${usage}`);
  process.exit(2);
}
const { options } = read;
const sink = new Child<Partial<Batch>, Tally>('sink-process.js', String(latencyMs));
const { port } = await sink.ask({});
const sendings = rowsOf(options, `http://127.0.0.1:${port}`).map((row): Sending => {
  return { row, sender: new Child('sender-process.js', JSON.stringify(row.plan)), results: [] };
});

print(`${options.events} events a round (naive: ${options.naiveEvents}), answers after ${latencyMs} ms, `);
print(`${options.connections} requests at a time\n`);
if (options.isQuick) print('quick: the compiler is not warm and lanes are still made, so that ratios mean little\n');
let nextNumber = 0;
let rounds = 0;
// The first round warms the compiler up and makes the lanes.
for (let round = 0; round <= options.rounds; round += 1) {
  if (rounds > 0 && performance.now() > lastStartMs) break;
  rounds = round;
  for (const sending of sendings) {
    const result = await runOnce(sending);
    if (round > 0) sending.results.push(result);
  }
}
print(`medians of ${rounds} rounds\n\n`);
print(report(sendings.map(({ row, results }) => ({ ...row, results }))));
await Promise.all([sink, ...sendings.map(({ sender }) => sender)].map((child) => child.end()));

async function runOnce({ row, sender }: Sending): Promise<RunResult> {
  const batch = { first: nextNumber, events: row.events };
  nextNumber += row.events;
  await sink.ask(batch);
  const result = await sender.ask(batch);
  const { events, missing, surplus } = await sink.ask({});
  if (missing > 0 || surplus > 0) {
    throw new Error(`${row.name}: of ${row.events} events ${events} arrived, ${missing} missing, ${surplus} too many`);
  }
  return result;
}

function print(text: string): void {
  process.stdout.write(text);
}
