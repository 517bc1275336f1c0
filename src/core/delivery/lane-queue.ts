import { Fifo } from './fifo.js';
import type { LaneEntry } from './lane-entry.js';
import { WakeQueue } from './wake-queue.js';

/** The unsettled operations of one key in one stage, the oldest first. */
export interface Line {
  readonly subject: Subject;
  readonly stage: number;
  readonly entries: Fifo<LaneEntry>;
  /** Entries that are sent from this line, and their bytes. */
  operations: number;
  bytes: number;
  /** How many of the entries are in flight; none other may leave until it is 0. */
  inFlight: number;
  /** `ready`: its front may be sent now. `limited`: it may, but for its rate limit. */
  list: 'none' | 'ready' | 'limited';
}

/** Everything that is unsettled about one key, by stage. */
interface Subject {
  readonly key: string;
  readonly lines: (Line | undefined)[];
}

/** What may be sent now of one kind. */
interface ReadyLines {
  readonly stage: number;
  readonly lines: Fifo<Line>;
  /** Of these lines: at least what may be sent, since some of it may have to wait for what stands before it. */
  operations: number;
  bytes: number;
}

/**
 * The operations of a lane in the order that matters, and which of them may be sent now.
 *
 * Operation B waits for operation A when A was accepted first, they share a key, and A's stage is not above B's: a user's
 * events wait for the properties and merges before them, and two writes of one stage keep their order; a property write
 * may overtake the events before it. B waits until A is settled, unless both travel in one request, one behind the other.
 * Operations that share no key never wait for each other. Every step is O(1) per operation, amortised.
 */
export class LaneQueue {
  readonly #subjects = new Map<string, Subject>();
  readonly #kinds = new Map<string, ReadyLines>();
  #kindsByStage: readonly string[] = [];
  /** In the order of acceptance, the first one unsettled, with settled ones in between that are cleared from time to time. */
  #arrivals = new Fifo<LaneEntry>();
  #limited = new WakeQueue<Line>();
  #size = 0;
  #failed = 0;
  #sequence = 0;

  constructor(private readonly stageOf: (kind: string) => number) {}

  /** Unsettled operations, in flight or not. */
  get size(): number {
    return this.#size;
  }

  /** Unsettled operations that failed before. */
  get failed(): number {
    return this.#failed;
  }

  /** Lines that wait for their rate limit. */
  get limited(): number {
    return this.#limited.size;
  }

  /** The oldest unsettled operation. */
  get oldest(): LaneEntry | undefined {
    return this.#arrivals.front;
  }

  /** Kinds that were ever used; the lowest stage first. */
  get kinds(): readonly string[] {
    return this.#kindsByStage;
  }

  /** How much may be sent now of a kind, and when the first of it was accepted; undefined where it is nothing. */
  readyOf(kind: string): { readonly operations: number; readonly bytes: number; readonly since: number } | undefined {
    const line = this.nextReady(kind);
    if (line === undefined) return undefined;
    this.putBack(line);
    const { operations, bytes } = this.#ready(kind);
    return { operations, bytes, since: line.entries.front?.enteredAt ?? 0 };
  }

  add(entry: LaneEntry): void {
    const { kind, keys, bytes } = entry.operation;
    const ready = this.#ready(kind);
    const [firstKey, ...otherKeys] = keys;
    const first = this.#line(firstKey, ready.stage);
    const others = otherKeys.map((key) => this.#line(key, ready.stage));
    entry.place = { sequence: this.#sequence++, lines: [first, ...others], isInFlight: false };
    for (const line of entry.place.lines) line.entries.push(entry);
    first.operations += 1;
    first.bytes += bytes;
    this.#arrivals.push(entry);
    this.#size += 1;
    if (first.list === 'ready') {
      ready.operations += 1;
      ready.bytes += bytes;
    } else if (first.entries.front === entry) {
      this.#refresh(first);
    }
  }

  /** The next line that may send something (others' fronts were settled without being sent); it is listed again by `take`, `putBack`, `limit` or what settles. */
  nextReady(kind: string): Line | undefined {
    const { lines } = this.#ready(kind);
    for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
      this.#unlist(line, kind);
      if (canLeave(line)) return line;
    }
    return undefined;
  }

  /** The operations of a line that may leave together now, in order, at most so many. */
  sendable(line: Line, most: number): readonly LaneEntry[] {
    const before = blockedFrom(line);
    const entries: LaneEntry[] = [];
    /** How many of another line's entries go along. */
    const along = new Map<Line, number>();
    for (let index = 0; index < most; index += 1) {
      const entry = line.entries.at(index);
      // The kind is the same all along: a key has one kind per stage.
      if (entry?.place === undefined || entry.place.sequence >= before) break;
      const [first, ...others] = entry.place.lines;
      if (first !== line) break;
      // Under its other keys, too, all that stands before it must go along.
      const { sequence } = entry.place;
      if (others.some((each) => each.entries.at(along.get(each) ?? 0) !== entry || sequence >= blockedFrom(each)))
        break;
      for (const each of others) along.set(each, (along.get(each) ?? 0) + 1);
      entries.push(entry);
    }
    return entries;
  }

  /** These leave: until they come back or are settled, nothing behind them does. */
  take(entries: readonly LaneEntry[]): void {
    for (const { place } of entries) {
      if (place === undefined) continue;
      place.isInFlight = true;
      for (const line of place.lines) line.inFlight += 1;
    }
  }

  /** Not used after all; its turn stays the next one. */
  putBack(line: Line): void {
    this.#list(line, 'first');
  }

  /** The line's key has used up its rate limit until then. */
  limit(line: Line, until: number): void {
    line.list = 'limited';
    this.#limited.add(line, until);
  }

  /** Lists again whose limit has room again; returns when the next one has. */
  wake(now: number): number | undefined {
    for (;;) {
      const next = this.#limited.next;
      if (next === undefined || next > now) return next;
      const line = this.#limited.take();
      if (line === undefined) return undefined;
      line.list = 'none';
      this.#refresh(line);
    }
  }

  /** It came back undelivered and stands where it stood; others have their turn first. */
  giveBack({ place }: LaneEntry): void {
    if (place?.isInFlight !== true) return;
    place.isInFlight = false;
    for (const line of place.lines) line.inFlight -= 1;
    this.#refresh(place.lines[0]);
  }

  /** It came back undelivered, and only it and what follows it waits until then. */
  holdBack({ place }: LaneEntry, until: number): void {
    if (place?.isInFlight !== true) return;
    place.isInFlight = false;
    for (const line of place.lines) line.inFlight -= 1;
    if (place.lines[0].list === 'none') this.limit(place.lines[0], until);
  }

  /** It was sent, and failed. */
  countFailure(entry: LaneEntry, now: number): void {
    if (entry.attempts === 0 && entry.place !== undefined) this.#failed += 1;
    entry.attempts += 1;
    entry.failedAt = now;
  }

  /** It is settled: whatever waited for it may go. */
  remove(entry: LaneEntry): void {
    const { place, operation } = entry;
    if (place === undefined) return;
    const [first] = place.lines;
    entry.place = undefined;
    this.#size -= 1;
    if (entry.attempts > 0) this.#failed -= 1;
    first.operations -= 1;
    first.bytes -= operation.bytes;
    if (first.list === 'ready') {
      const ready = this.#ready(operation.kind);
      ready.operations -= 1;
      ready.bytes -= operation.bytes;
    }
    for (const line of place.lines) {
      line.entries.remove(entry);
      if (place.isInFlight) line.inFlight -= 1;
      this.#refreshSubject(line);
    }
    this.#clearArrivals();
  }

  /** Everything that is not in flight, in the order of acceptance. */
  waiting(): readonly LaneEntry[] {
    return [...this.#arrivals].filter(({ place }) => place?.isInFlight === false);
  }

  #ready(kind: string): ReadyLines {
    let ready = this.#kinds.get(kind);
    if (ready === undefined) {
      ready = { stage: this.stageOf(kind), lines: new Fifo(), operations: 0, bytes: 0 };
      this.#kinds.set(kind, ready);
      this.#kindsByStage = [...this.#kinds].sort(([, a], [, b]) => a.stage - b.stage).map(([name]) => name);
    }
    return ready;
  }

  #line(key: string, stage: number): Line {
    let subject = this.#subjects.get(key);
    if (subject === undefined) this.#subjects.set(key, (subject = { key, lines: [] }));
    return (subject.lines[stage] ??= {
      subject,
      stage,
      entries: new Fifo(),
      operations: 0,
      bytes: 0,
      inFlight: 0,
      list: 'none',
    });
  }

  /** The front of a line is gone: the lines of its subject that waited for it, and the subject itself once it is empty. */
  #refreshSubject({ subject, stage }: Line): void {
    let isEmpty = true;
    for (const line of subject.lines) {
      if (line === undefined || line.entries.length === 0) continue;
      isEmpty = false;
      if (line.stage >= stage) this.#refresh(line);
    }
    // A line that waits for its limit comes back by itself; it finds nothing to send then.
    if (isEmpty) this.#subjects.delete(subject.key);
  }

  /** Lists the line that the front of this one is sent from, when that may be now. */
  #refresh({ entries }: Line): void {
    const first = entries.front?.place?.lines[0];
    if (first?.list === 'none' && canLeave(first)) this.#list(first, 'last');
  }

  #list(line: Line, where: 'first' | 'last'): void {
    const kind = line.entries.front?.operation.kind;
    if (kind === undefined) return;
    line.list = 'ready';
    const ready = this.#ready(kind);
    ready.operations += line.operations;
    ready.bytes += line.bytes;
    if (where === 'first') ready.lines.unshift(line);
    else ready.lines.push(line);
  }

  #unlist(line: Line, kind: string): void {
    line.list = 'none';
    const ready = this.#ready(kind);
    ready.operations -= line.operations;
    ready.bytes -= line.bytes;
  }

  /** Settled operations are let go of: at once at the front, where they stand in most cases, and when they are many. */
  #clearArrivals(): void {
    while (this.#arrivals.front?.place === undefined && this.#arrivals.length > 0) this.#arrivals.shift();
    if (this.#size === 0) this.#limited = new WakeQueue();
    if (this.#arrivals.length <= 1_024 || this.#arrivals.length <= 2 * this.#size) return;
    const unsettled = new Fifo<LaneEntry>();
    for (const entry of this.#arrivals) if (entry.place !== undefined) unsettled.push(entry);
    this.#arrivals = unsettled;
  }
}

/** Whether the front of a line may be sent from it: it waits for nothing, under any of its keys. */
function canLeave(line: Line): boolean {
  const place = line.entries.front?.place;
  if (place?.lines[0] !== line) return false;
  return place.lines.every(
    (each) => each.inFlight === 0 && each.entries.front?.place === place && place.sequence < blockedFrom(each),
  );
}

/** The sequence from which on a line's entries wait for something of a lower stage. */
function blockedFrom({ subject, stage }: Line): number {
  let from = Infinity;
  for (let lower = 0; lower < stage; lower += 1) {
    const sequence = subject.lines[lower]?.entries.front?.place?.sequence;
    if (sequence !== undefined) from = Math.min(from, sequence);
  }
  return from;
}
