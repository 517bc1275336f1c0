import { laneKey } from './keys.js';
import { unsealJson } from './sealed.js';
import type { Tables } from './tables.js';

/** Counts of a lane in which something waits. */
export interface LaneCounts {
  readonly id: number;
  readonly lane: string;
  /** Open events, and the bytes of their texts. */
  readonly events: number;
  readonly bytes: number;
  /** Bytes of the lane's rows of chunks, open or not. */
  readonly held: number;
  /** Sequence of the last chunk that was appended, open or not. */
  readonly last: number;
}

export interface StoreCounts {
  /** The last sequence that was given. One row of sequences for all lanes, so that none comes again with its lane. */
  readonly sequence: number;
  readonly letters: number;
  readonly letterBytes: number;
  /** Of events, that are kept to tell repeats. */
  readonly ids: number;
}

export const formatVersion = 1;
export const stateKey = Buffer.from('state');
const emptyCounts: StoreCounts = { sequence: 0, letters: 0, letterBytes: 0, ids: 0 };

/** The counts as they are on disk, kept in memory: one entry for each lane in which something waits. */
export class Ledger {
  readonly lanes = new Map<string, LaneCounts>();
  /** Names of the lanes that this process is the sender of. */
  readonly claimed = new Set<string>();
  counts: StoreCounts = emptyCounts;
  /** When the first open chunk of a lane was received, as it was last looked up; forgotten when it may have changed. */
  readonly oldestAt = new Map<string, number | undefined>();
  /** Of all lanes. */
  held = 0;

  /**
   * Reads the counts, never what they count.
   *
   * @returns the numbers of lanes whose row can't be read.
   */
  load(tables: Tables): readonly number[] {
    const row = tables.get('state', stateKey);
    if (row !== undefined) this.counts = readState(row);
    const unreadable: number[] = [];
    for (const { key, value } of tables.entries('lanes', laneKey(0))) {
      const counts = unsealJson(value) as LaneCounts | undefined;
      if (counts === undefined) unreadable.push(key.readUIntBE(0, key.length));
      else this.set(counts.lane, counts);
    }
    return unreadable;
  }

  set(lane: string, counts: LaneCounts | undefined): void {
    this.held += (counts?.held ?? 0) - (this.lanes.get(lane)?.held ?? 0);
    if (counts === undefined) this.lanes.delete(lane);
    else this.lanes.set(lane, counts);
  }
}

function readState(row: Buffer): StoreCounts {
  const state = unsealJson(row) as (StoreCounts & { readonly format: number }) | undefined;
  if (state === undefined) throw new Error('the row of counts is damaged: restore the directory');
  if (state.format !== formatVersion) {
    throw new Error(`it has format ${state.format}, and this version reads ${formatVersion}`);
  }
  const { sequence, letters, letterBytes, ids } = state;
  return { sequence, letters, letterBytes, ids };
}
