import { createHash } from 'node:crypto';

import type { Draft } from './draft.js';
import { sealJson, unsealJson } from './sealed.js';
import type { Tables } from './tables.js';

/** A memo, with the time of day at which it was written. */
export interface WrittenMemo {
  readonly text: string;
  readonly writtenAt: number;
}

/**
 * Who held a lane last. The row says `held` from before anything is sent for the lane until the lane is released, so that
 * a row that says `held` when the store is opened was left by a process that ended otherwise, whatever it wrote before.
 * It becomes `lost` then: `held` has no time from which its age could be told.
 */
interface LaneRow {
  readonly state: 'held' | 'released' | 'lost';
  /** Milliseconds since the epoch: when it became that. */
  readonly since: number;
  readonly memo?: WrittenMemo | undefined;
}

/** What the next sender of a lane is told. */
export interface Handover {
  readonly memo: WrittenMemo | undefined;
  readonly wasReleased: boolean;
}

/** After this nobody asks who sent last: what limits how fast a lane is sent looks back for less. */
const keptMs = 3_600_000;
/** Rows that are looked at before others get their turn. */
const rowsPerTurn = 500;

export function holdLane(draft: Draft, lane: string, now: number): Handover {
  const key = laneRowKey(lane);
  const stored = draft.get('memos', key);
  const row = stored === undefined ? undefined : (unsealJson(stored) as LaneRow | undefined);
  draft.put('memos', key, encode({ state: 'held', since: now, memo: row?.memo }));
  // Without a row nobody held it for long; a row that is damaged says nothing, which is to be feared.
  return { memo: row?.memo, wasReleased: stored === undefined || row?.state === 'released' };
}

/** Of a lane that is held. */
export function writeMemo(draft: Draft, lane: string, text: string, now: number): void {
  draft.put('memos', laneRowKey(lane), encode({ state: 'held', since: now, memo: { text, writtenAt: now } }));
}

export function releaseLane(draft: Draft, lane: string, text: string, now: number): void {
  draft.put('memos', laneRowKey(lane), encode({ state: 'released', since: now, memo: { text, writtenAt: now } }));
}

/**
 * Some of the rows as they have to be when a process starts: those that it finds held are lost, and old ones are gone.
 * To be called before any lane is held, again and again.
 *
 * @param start where the last call ended.
 * @returns what is to be written, and where to go on.
 */
export function retireRows(
  tables: Tables,
  now: number,
  start: Buffer,
): { readonly write: (draft: Draft) => void; readonly next: Buffer | undefined } {
  const changed: { readonly key: Buffer; readonly row: LaneRow | undefined }[] = [];
  let [looked, next] = [0, start];
  for (const { key, value } of tables.entries('memos', start)) {
    const row = unsealJson(value) as LaneRow | undefined;
    if (row === undefined || row.state === 'held') changed.push({ key, row: { ...row, state: 'lost', since: now } });
    else if (row.since < now - keptMs) changed.push({ key, row: undefined });
    next = Buffer.concat([key, Buffer.alloc(1)]);
    looked += 1;
    if (looked === rowsPerTurn) break;
  }
  const write = (draft: Draft): void => {
    for (const { key, row } of changed) {
      if (row === undefined) draft.remove('memos', key);
      else draft.put('memos', key, encode(row));
    }
  };
  return { write, next: looked === rowsPerTurn ? next : undefined };
}

function encode(row: LaneRow): Buffer {
  return sealJson(row);
}

/** Names may be longer than a key. */
function laneRowKey(lane: string): Buffer {
  return createHash('sha256').update(lane).digest().subarray(0, 16);
}
