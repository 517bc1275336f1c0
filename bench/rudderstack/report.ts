import { median } from '../support.js';
import type { RowResult } from './measure-row.js';
import type { Row } from './options.js';

export interface MeasuredRow extends Row, RowResult {}

/** The aims, held against the rows with plain ASCII text. Memory is the peak of the resident set, in MiB. */
const aims = {
  ratio: 1.15,
  ratioAt: [100, 1_000],
  peakMiB: 150,
  peakAt: 1_000,
  targetRatio: { compacted: 0.6, plain: 0.45 },
} as const;

const widths = [25, 8, 8, 20, 19, 17, 19, 15, 15];

/** Two lines above the rows; in a pair the floor's figure is the first, ours the second. */
export function tableHead(): string {
  const names = ['request', 'CPU ms / 1,000 ev', 'ratio', 'events/s', 'p50 ms', 'p99 ms', 'answer B/event', 'peak MiB'];
  const under = ['form, events, text', 'floor', 'ours', 'median (min-max)', ...Array<string>(5).fill('floor / ours')];
  const [request = '', cpu = '', ...others] = names;
  const top = [request, cpu, ...others];
  const topWidths = [widths[0] ?? 0, (widths[1] ?? 0) + (widths[2] ?? 0), ...widths.slice(3)];
  return `${line(top, topWidths)}${line(under, widths)}`;
}

export function tableRow({ form, events, text, floor, ours, ratios }: MeasuredRow): string {
  const range = `(${fixed(ratios.at(0))}-${fixed(ratios.at(-1))})`;
  return line(
    [
      rowName({ form, events, text }),
      fixed(floor.cpuMsPer1000, 1),
      fixed(ours.cpuMsPer1000, 1),
      `${fixed(median(ratios))} ${range}`,
      pair(floor.eventsPerSecond, ours.eventsPerSecond, 0),
      pair(floor.p50Ms, ours.p50Ms, 2),
      pair(floor.p99Ms, ours.p99Ms, 2),
      pair(floor.answerBytesPerEvent, ours.answerBytesPerEvent, 0),
      pair(floor.peakMiB, ours.peakMiB, 0),
    ],
    widths,
  );
}

export function rowName({ form, events, text }: Row): string {
  return `${form} ${events}${text === 'ascii' ? '' : ` ${text}`}`;
}

/** One line per aim: what was wanted, what was measured, met or missed. */
export function verdict(rows: readonly MeasuredRow[]): string {
  const ascii = rows.filter(({ text }) => text === 'ascii');
  const large = ascii.filter(({ events }) => aims.ratioAt.some((size) => size === events));
  const largest = ascii.filter(({ events }) => events === aims.peakAt);
  const ratioOf = ({ ratios }: MeasuredRow): number => median(ratios);
  return [
    judge(`aim: ratio <= ${aims.ratio} at ${aims.ratioAt.join(' and ')} events`, large, ratioOf, () => aims.ratio, 2),
    judge(
      `aim: peak <= ${aims.peakMiB} MiB at ${aims.peakAt} events`,
      largest,
      ({ ours }) => ours.peakMiB,
      () => aims.peakMiB,
      0,
    ),
    judge(
      `target: ratio <= ${aims.targetRatio.plain} plain, ${aims.targetRatio.compacted} compacted`,
      large,
      ratioOf,
      ({ form }) => aims.targetRatio[form],
      2,
    ),
  ].join('');
}

function judge(
  aim: string,
  rows: readonly MeasuredRow[],
  valueOf: (row: MeasuredRow) => number,
  limitOf: (row: MeasuredRow) => number,
  digits: number,
): string {
  if (rows.length === 0) return `${aim}: not measured\n`;
  const isMet = rows.every((row) => valueOf(row) <= limitOf(row));
  const measured = rows.map((row) => `${rowName(row)}: ${valueOf(row).toFixed(digits)}`);
  return `${aim}: ${isMet ? 'met' : 'MISSED'} (${measured.join(', ')})\n`;
}

function line(cells: readonly string[], columns: readonly number[]): string {
  const padded = cells.map((cell, index) => {
    const width = columns[index] ?? 0;
    return index === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  return `${padded.join('')}\n`;
}

function fixed(value = Number.NaN, digits = 2): string {
  return value.toFixed(digits);
}

function pair(floor: number, ours: number, digits: number): string {
  return `${fixed(floor, digits)} / ${fixed(ours, digits)}`;
}
