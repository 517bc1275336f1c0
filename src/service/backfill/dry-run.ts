import { planRequests, type BatchLimits } from '../../core/batching/plan-requests.js';
import type { Operation } from '../../core/batching/operation.js';
import { heapRequestRules } from '../../destinations/heap/request-rules.js';
import { inspectFile } from './input-file.js';
import { prepareLine, type HistoryEvent, type PrepareContext } from './prepare-line.js';
import { readRecords } from './read-records.js';
import type { BackfillProgress } from './run-backfill.js';

/** What would become of a file. */
export interface DryRunReport {
  readonly lines: number;
  readonly blank: number;
  /** Events that would be stored, or sent. */
  readonly events: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Record<string, number>>;
  /** Events that would be changed on their way, by reason; one event may have several. */
  readonly adjusted: Readonly<Record<string, number>>;
  /** By kind. */
  readonly operations: Readonly<Record<string, number>>;
  readonly requests: number;
  /** What the rate limit of the app takes for its track operations, if nothing else is sent; 0 without a limit. */
  readonly minutes: number;
}

export interface DryRunJob extends Omit<PrepareContext, 'timeIfMissing'> {
  readonly file: string;
  readonly takesMissingTimes: boolean;
  readonly batch: BatchLimits;
  readonly eventsPerMinute: number | null;
  /** Called after each stretch of the file. */
  readonly onProgress: (progress: BackfillProgress) => void;
  readonly signal: AbortSignal;
}

/** Lines between two calls of `onProgress`. */
const progressLines = 1_000;

/**
 * Maps every line and writes nothing. A signal ends it early, with the report so far.
 *
 * @throws BackfillRefused when there is no such file, BackfillStopped where it is damaged.
 */
export async function dryRun(job: DryRunJob): Promise<DryRunReport> {
  const file = await inspectFile(job.file);
  const context: PrepareContext = { ...job, timeIfMissing: job.takesMissingTimes ? Date.now() : undefined };
  const tally = new Tally(job.batch);
  for await (const { line, text, position } of readRecords(file, { line: 0, offset: 0 }, job.maxEventLength)) {
    if (job.signal.aborted) break;
    tally.lines = line;
    const prepared = prepareLine(line, text, context);
    switch (prepared.type) {
      case 'blank':
        tally.blank += 1;
        break;
      case 'rejected':
        increase(tally.rejected, prepared.reason);
        tally.rejectedTotal += 1;
        break;
      case 'dropped':
        increase(tally.dropped, prepared.reason);
        break;
      case 'event':
        tally.add(prepared);
        break;
    }
    if (line % progressLines === 0) {
      const { events: taken, rejectedTotal: rejected } = tally;
      job.onProgress({ position, size: file.size, taken, rejected, waitingFor: undefined });
    }
  }
  const requests = tally.finish();
  const { lines, blank, events, rejected, dropped, adjusted, operations } = tally;
  const { eventsPerMinute } = job;
  const minutes = eventsPerMinute === null ? 0 : Math.ceil((operations.track ?? 0) / eventsPerMinute);
  return { lines, blank, events, rejected, dropped, adjusted, operations, requests, minutes };
}

type Counts = Record<string, number>;

function increase(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

class Tally {
  lines = 0;
  blank = 0;
  events = 0;
  rejectedTotal = 0;
  readonly rejected: Counts = {};
  readonly dropped: Counts = {};
  readonly adjusted: Counts = {};
  readonly operations: Counts = {};
  #requests = 0;
  /** By kind, as a lane that is full composes its requests. */
  readonly #windows = new Map<string, { entries: { readonly operation: Operation }[]; bytes: number }>();

  constructor(private readonly batch: BatchLimits) {}

  add({ operations, adjustments }: HistoryEvent): void {
    this.events += 1;
    for (const reason of adjustments) increase(this.adjusted, reason);
    for (const operation of operations) {
      increase(this.operations, operation.kind);
      const window = this.#windows.get(operation.kind) ?? { entries: [], bytes: 0 };
      this.#windows.set(operation.kind, window);
      window.entries.push({ operation });
      window.bytes += operation.bytes;
      if (window.entries.length >= this.batch.maxItems || window.bytes >= this.batch.maxBytes)
        this.#plan(operation.kind);
    }
  }

  /** @returns the requests of everything that was added. */
  finish(): number {
    for (const kind of [...this.#windows.keys()]) this.#plan(kind);
    return this.#requests;
  }

  #plan(kind: string): void {
    const { entries = [] } = this.#windows.get(kind) ?? {};
    this.#windows.delete(kind);
    this.#requests += planRequests(entries, heapRequestRules, this.batch).requests.length;
  }
}
