/**
 * npm run bench:rudderstack: what POST /v0/destinations/heap of the transformer costs, beside the floor in the same run:
 * a bare node:http server that parses the same requests and writes the same answers but for the flattening of
 * properties (rudderstack/floor-server.ts). Each is a process of its own, loaded from this one. The ratio is what
 * counts; the machines are noisy. CPU time comes from /proc (Linux), in steps of 10 ms, so that a round lasts until each
 * of the two has used a second of it.
 *
 * Node 20.20, two shared cores, median of 5 rounds: compacted 0.99 at 100 events per request, 0.61 at 1,000; plain 0.71 and
 * 0.39; peak 141 MiB at 1,000 (aims: 1.15, then 0.6 and 0.45; 150 MiB). Between runs a ratio moved by up to a third at 100
 * (compacted 0.65-0.99). What was tried, at 100 events, in that order:
 * - JSON.parse, mapping, texts joined: 2.0.
 * - A byte scan with one loop and callbacks, messages parsed without context and integrations, metadata as slices of one
 *   text: 1.8 compacted, 1.2 plain; the scan alone took 14 us an event for the closures, 5 with its loops written out, and
 *   flattening the joined text 16.
 * - Flat events copied from bytes to bytes instead (ByteWriter): 0.86 and 0.62; nested properties flattened while they are
 *   copied: 12 us an event in process, where JSON.parse alone takes 15.
 * - One buffer per body, used again, and the commands' modules loaded on demand: peak from 168 to 141 MiB.
 * - Destinations of earlier requests kept by their bytes, label look-ups kept: 30 % off a request of one event.
 * Without gain: one text of the whole body to slice from (the large string costs more than the slices). Not done: answers
 * in buffers that are used again, which would spare the garbage collector 177 KB a request, and could mix two customers'
 * data if a single write were still under way.
 */
import { fileURLToPath } from 'node:url';

import { measureRow, type RowPlan } from './rudderstack/measure-row.js';
import { readOptions, usage, type Row } from './rudderstack/options.js';
import { rowName, tableHead, tableRow, verdict, type MeasuredRow } from './rudderstack/report.js';
import { drawEvents, partSizes, prepareRequests, type Text } from './rudderstack/requests.js';
import { endServersWithThisProcess } from './rudderstack/server-process.js';

/** No row is begun after this time: a slow machine gets fewer rows, not a longer run. */
const lastStartMs = 220_000;

const read = readOptions(process.argv.slice(2));
if (read.outcome === 'fault') {
  process.stderr.write(`${read.message}\n\n${usage}`);
  process.exit(2);
}
const { options } = read;
const plan: RowPlan = {
  floorCommand: [process.execPath, fileURLToPath(new URL('rudderstack/floor-server.js', import.meta.url))],
  serverCommand: options.server,
  connections: options.connections,
  serverCpuMs: 1_000,
  turnMs: 200,
  maxTurns: 15,
  warmUpCpuMs: options.isQuick ? 700 : 1_500,
  rounds: options.isQuick ? 3 : 5,
};
const events = { ascii: drawEvents('ascii'), 'non-latin': drawEvents('non-latin') };

endServersWithThisProcess();
print(`ours: ${plan.serverCommand.join(' ')}\n${plan.connections} requests at a time, `);
print(`${plan.rounds} rounds of at least ${plan.serverCpuMs} ms CPU for each, in turns of ${plan.turnMs} ms\n\n`);
for (const text of new Set(options.rows.map((row) => row.text))) printSizes(text);
print(`\n${tableHead()}`);
const measured: MeasuredRow[] = [];
for (const row of options.rows) {
  const result = await tryRow(row);
  if (result !== undefined) measured.push(result);
}
print(`\n${verdict(measured)}`);

async function tryRow(row: Row): Promise<MeasuredRow | undefined> {
  if (performance.now() > lastStartMs) {
    print(`${rowName(row)}: left out, the run has taken ${Math.round(lastStartMs / 1_000)} s\n`);
    return undefined;
  }
  try {
    const set = prepareRequests(events[row.text], row.form, row.events);
    const result = { ...row, ...(await measureRow(set, plan)) };
    print(tableRow(result));
    return result;
  } catch (error) {
    process.exitCode = 1;
    print(`${rowName(row)}: FAILED: ${(error instanceof Error ? error.message : String(error)).trimEnd()}\n`);
    return undefined;
  }
}

function printSizes(text: Text): void {
  const { message, metadata, destination } = partSizes(events[text]);
  const [plain, compacted] = (['plain', 'compacted'] as const).map((form) =>
    prepareRequests(events[text], form, 100).bytesPerEvent.toFixed(0),
  );
  print(`${events[text].length} distinct events, ${text}: on average ${message.toFixed(0)} bytes of message and `);
  print(`${metadata.toFixed(0)} of metadata; the destination has ${destination.toFixed(0)}; in requests of 100 `);
  print(`${plain ?? '?'} bytes an event plain, ${compacted ?? '?'} compacted\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}
