import { laneKey } from './keys.js';
import { formatVersion, stateKey, type LaneCounts, type Ledger, type StoreCounts } from './ledger.js';
import { sealJson } from './sealed.js';
import type { TableName, Tables, Write } from './tables.js';

/** What a transaction is going to write. It reads what is stored with its own writes on top. */
export class Draft {
  readonly #tables: Tables;
  readonly #ledger: Ledger;
  readonly #writes = new Map<string, Write>();
  readonly #lanes = new Map<string, LaneCounts | undefined>();
  /** Lanes of which something open is taken away. */
  readonly #withoutSome = new Set<string>();
  readonly #claimed = new Map<string, boolean>();
  readonly #afterwards: (() => void)[] = [];
  /** Set by who changes what they count. */
  counts: StoreCounts;

  constructor(tables: Tables, ledger: Ledger) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.counts = ledger.counts;
  }

  get(table: TableName, key: Buffer): Buffer | undefined {
    const written = this.#writes.get(nameOf(table, key));
    return written === undefined ? this.#tables.get(table, key) : written.value;
  }

  put(table: TableName, key: Buffer, value: Buffer): void {
    this.#writes.set(nameOf(table, key), { table, key, value });
  }

  remove(table: TableName, key: Buffer): void {
    this.#writes.set(nameOf(table, key), { table, key, value: undefined });
  }

  /** The keys there are, by key. Reads them all: not for what happens often. */
  keys(table: TableName, start: Buffer, end: Buffer): readonly Buffer[] {
    const added = [...this.#writes.values()].filter(
      (write) => write.table === table && write.key.compare(start) >= 0 && write.key.compare(end) < 0,
    );
    const all = new Map([...this.#tables.keys(table, start, end)].map((key) => [nameOf(table, key), key]));
    for (const { key, value } of added) {
      if (value === undefined) all.delete(nameOf(table, key));
      else all.set(nameOf(table, key), key);
    }
    return [...all.values()].sort((one, other) => one.compare(other));
  }

  /** @returns the next sequence; no other chunk has it, in any lane, ever. */
  nextSequence(): number {
    const sequence = this.counts.sequence + 1;
    this.counts = { ...this.counts, sequence };
    return sequence;
  }

  lane(lane: string): LaneCounts | undefined {
    return this.#lanes.has(lane) ? this.#lanes.get(lane) : this.#ledger.lanes.get(lane);
  }

  /** A lane in which nothing is open has no row. */
  setLane(counts: LaneCounts): void {
    const left = counts.events === 0 ? undefined : counts;
    this.#lanes.set(counts.lane, left);
    if (left === undefined) this.remove('lanes', laneKey(counts.id));
    else this.put('lanes', laneKey(counts.id), sealJson(counts));
  }

  isClaimed(lane: string): boolean {
    return this.#claimed.get(lane) ?? this.#ledger.claimed.has(lane);
  }

  setClaimed(lane: string, claimed: boolean): void {
    this.#claimed.set(lane, claimed);
  }

  /** Runs it when the writes are on disk, before anybody hears of them; in the order of these calls. */
  onceWritten(run: () => void): void {
    this.#afterwards.push(run);
  }

  /** Something of the lane is settled, or moved out of the way: its first open chunk may be another. */
  takeFrom(lane: string): void {
    this.#withoutSome.add(lane);
  }

  /** All that is to be written: the rows and the counts. */
  writes(): readonly Write[] {
    const writes = [...this.#writes.values()];
    if (this.counts !== this.#ledger.counts) {
      writes.push({ table: 'state', key: stateKey, value: sealJson({ format: formatVersion, ...this.counts }) });
    }
    return writes;
  }

  /** To be called when the writes are on disk. */
  confirm(): void {
    this.#ledger.counts = this.counts;
    for (const [lane, counts] of this.#lanes) {
      const before = this.#ledger.lanes.get(lane);
      // Appending to what is open leaves the first chunk where it is.
      if (before === undefined || this.#withoutSome.has(lane)) this.#ledger.oldestAt.delete(lane);
      this.#ledger.set(lane, counts);
    }
    for (const [lane, claimed] of this.#claimed) {
      if (claimed) this.#ledger.claimed.add(lane);
      else this.#ledger.claimed.delete(lane);
    }
    for (const run of this.#afterwards) run();
  }
}

function nameOf(table: TableName, key: Buffer): string {
  return `${table}/${key.toString('latin1')}`;
}
