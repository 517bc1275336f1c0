import { sumOf } from '../service/backfill/backfill-counts.js';
import type { BackfillWay } from '../service/backfill/choose-target.js';
import type { DryRunReport } from '../service/backfill/dry-run.js';
import type { BackfillResult } from '../service/backfill/run-backfill.js';

export interface BackfillReport extends BackfillResult {
  readonly file: string;
  readonly destination: string;
  readonly rejects: string;
  readonly checkpoint: string;
  readonly way: BackfillWay['type'];
}

const takenLabels: Readonly<Record<BackfillWay['type'], string>> = {
  store: 'stored',
  door: 'taken in',
  heap: 'at Heap',
};

/** What became of a file, for a person. */
export function backfillReport({ outcome, why, counts, file, destination, rejects, way }: BackfillReport): string {
  const rejected = sumOf(counts.rejected);
  const head = {
    finished: `Finished: all of ${file} is settled, at ${destination}.`,
    'finished before': `${file} was finished before, at ${destination}: nothing was done now; --restart does it again.`,
    stopped: `Stopped: ${why}.\nRun the same command again to go on behind line ${counts.lines}.`,
  }[outcome];
  return [
    head,
    ...rows([
      ['lines', String(counts.lines)],
      ['blank', count(counts.blank)],
      [takenLabels[way], String(counts.taken)],
      ['stored before', count(counts.repeats)],
      ['nothing to send', byReason(counts.dropped)],
      ['rejected', byReason(counts.rejected)],
    ]),
    ...(rejected > 0 ? [`Rejected events are in ${rejects}; none of them is a dead letter.`] : []),
    ...(way === 'store' && outcome !== 'finished before'
      ? ['A service with this store delivers them; nothing else does.']
      : []),
    '',
  ].join('\n');
}

/** What would become of a file, for a person. */
export function dryRunReport(file: string, report: DryRunReport): string {
  const { minutes, operations, requests } = report;
  return [
    `Nothing was stored or sent. What would become of ${file}:`,
    ...rows([
      ['lines', String(report.lines)],
      ['blank', count(report.blank)],
      ['events to send', String(report.events)],
      ['operations', byReason(operations)],
      ['adjusted', byReason(report.adjusted)],
      ['nothing to send', byReason(report.dropped)],
      ['rejected', byReason(report.rejected)],
      ['requests', `${requests}, about`],
      ['time', minutes === 0 ? '' : `${duration(minutes * 60)} at least, by the rate limit of the app`],
    ]),
    '',
  ].join('\n');
}

/** `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function rows(pairs: readonly (readonly [string, string])[]): readonly string[] {
  return pairs.filter(([, value]) => value !== '').map(([name, value]) => `  ${name.padEnd(16)} ${value}`);
}

function count(value: number): string {
  return value === 0 ? '' : String(value);
}

function byReason(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([reason, times]) => `${reason} ${times}`);
  return parts.length === 0 ? '' : `${sumOf(counts)} (${parts.join(', ')})`;
}
