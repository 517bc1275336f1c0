import { median } from '../support.js';
import type { RunResult } from './plan.js';
import { routerName, type MeasuredRow } from './rows.js';

/** CPU per event with 1,000 lanes, by that with 10. */
const aim = 1.15;

const columns = [38, 10, 14, 20, 11, 12];

/** The table, and below it the aim, held against what was measured. */
export function report(rows: readonly MeasuredRow[]): string {
  const heads = ['', 'events/s', 'CPU ms per', 'by 10 lanes', 'by naive', 'events per'];
  const under = ['', '', '1,000 events', 'median (min-max)', 'median', 'request'];
  const ten = rows.find(({ name }) => name === routerName(10));
  const naive = rows.find(({ plan }) => plan.contender === 'naive');
  const lines = rows.map((row) =>
    line([
      row.name,
      median(row.results.map(({ events, wallMs }) => (events / wallMs) * 1_000)).toFixed(0),
      (median(row.results.map(cpuPerEvent)) * 1_000).toFixed(2),
      range(ratios(row, ten)),
      median(ratios(row, naive)).toFixed(3),
      median(row.results.map(({ events, requests }) => events / requests)).toFixed(1),
    ]),
  );
  return `${line(heads)}${line(under)}${lines.join('')}\n${verdict(rows, ten)}`;
}

function verdict(rows: readonly MeasuredRow[], ten: MeasuredRow | undefined): string {
  const found = ratios(
    rows.find(({ name }) => name === routerName(1_000)),
    ten,
  );
  const answer = found.length === 0 ? 'not measured' : `${median(found) <= aim ? 'yes' : 'NO'}, ${range(found)}`;
  return `CPU per event with 1,000 lanes <= ${aim} x that with 10: ${answer}\n`;
}

/** CPU per event of one row by another's, round by round: a slow moment of the machine hits both. */
function ratios(row: MeasuredRow | undefined, other: MeasuredRow | undefined): readonly number[] {
  return (row?.results ?? []).flatMap((result, round) => {
    const base = other?.results[round];
    return base === undefined ? [] : [cpuPerEvent(result) / cpuPerEvent(base)];
  });
}

function range(values: readonly number[]): string {
  if (values.length === 0) return '-';
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)];
  return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}

function cpuPerEvent({ cpuMs, events }: RunResult): number {
  return cpuMs / events;
}

function line(cells: readonly string[]): string {
  const padded = cells.map((cell, index) => {
    const width = columns[index] ?? 0;
    return index === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `${padded.join('')}\n`;
}
