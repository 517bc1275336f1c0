import type { SettledEvents } from '../store.js';
import { belongsTo, bytesOf, decodeHead, encodeHead, layOut, type ChunkHead, type ChunkRows } from './chunk-rows.js';
import type { Draft } from './draft.js';
import { chunkKey, isSequence } from './keys.js';
import { mendLane } from './mend-lane.js';
import type { Unreadable } from './unreadable.js';

/** @returns what was found damaged on the way. */
export function settleEvents(draft: Draft, lane: string, settled: readonly SettledEvents[]): readonly Unreadable[] {
  return settled.flatMap((events) => settleChunk(draft, lane, events));
}

function settleChunk(draft: Draft, lane: string, { sequence, indexes }: SettledEvents): readonly Unreadable[] {
  const counts = draft.lane(lane);
  if (counts === undefined || !isSequence(sequence)) return [];
  const key = chunkKey(counts.id, sequence);
  const row = draft.get('heads', key);
  if (row === undefined) return [];
  const head = decodeHead(row);
  if (head === undefined) return mendLane(draft, counts.id, lane);
  const settled = new Set(indexes);
  const events = head.events.filter(({ index }) => !settled.has(index));
  if (events.length === head.events.length) return [];
  draft.takeFrom(lane);
  const left = {
    ...counts,
    events: counts.events - head.events.length + events.length,
    bytes: counts.bytes - bytesOf(head.events) + bytesOf(events),
    held: counts.held - row.length,
  };
  if (events.length === 0) {
    draft.remove('heads', key);
    draft.remove('bodies', key);
    draft.setLane({ ...left, held: left.held - head.bodyBytes });
    return [];
  }
  const open = { ...head, events };
  // Where less than half is open, it is written anew, so that a few events that have to wait don't hold the room of all
  // their neighbours. Each byte is copied for at least one that is gone.
  const kept = 2 * bytesOf(events) < head.bodyBytes ? shorten(open, draft.get('bodies', key)) : undefined;
  const headRow = encodeHead(kept?.head ?? open);
  draft.put('heads', key, headRow);
  if (kept !== undefined) draft.put('bodies', key, kept.body);
  draft.setLane({
    ...left,
    held: left.held + headRow.length - head.bodyBytes + (kept?.head ?? open).bodyBytes,
  });
  return [];
}

/** @returns undefined when the body is damaged: who reads it finds that, unless it gets a good checksum here. */
function shorten(head: ChunkHead, body: Buffer | undefined): ChunkRows | undefined {
  if (!belongsTo(head, body)) return undefined;
  const texts = head.events.map(({ index, start, bytes }) => ({ index, text: body.subarray(start, start + bytes) }));
  return layOut(head, texts);
}
