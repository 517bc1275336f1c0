import { belongsTo, bytesOf, decodeHead } from './chunk-rows.js';
import type { Draft } from './draft.js';
import { chunkKey, laneKey, sequenceOf } from './keys.js';
import type { Unreadable } from './unreadable.js';

/**
 * Counts a lane anew from the heads of its chunks, and moves those chunks away whose head is damaged, and `suspect` if
 * its body is.
 *
 * @param named the lane's name where it is known; else its chunks tell.
 * @returns what was moved away.
 */
export function mendLane(draft: Draft, laneId: number, named?: string, suspect?: Buffer): readonly Unreadable[] {
  const unreadable: Unreadable[] = [];
  let lane = named;
  let [events, bytes, held, last] = [0, 0, 0, 0];
  for (const key of draft.keys('heads', chunkKey(laneId, 0), chunkKey(laneId + 1, 0))) {
    const row = draft.get('heads', key) ?? Buffer.alloc(0);
    const head = decodeHead(row);
    if (head === undefined || (suspect?.equals(key) === true && !belongsTo(head, draft.get('bodies', key)))) {
      const moved = moveAway(draft, key);
      unreadable.push({ kind: 'chunk', name: `${lane ?? laneId}/${sequenceOf(key)}`, bytes: moved });
      continue;
    }
    lane ??= head.lane;
    events += head.events.length;
    bytes += bytesOf(head.events);
    held += row.length + head.bodyBytes;
    last = sequenceOf(key);
  }
  if (lane !== undefined) draft.takeFrom(lane);
  if (lane === undefined) draft.remove('lanes', laneKey(laneId));
  else draft.setLane({ id: laneId, lane, events, bytes, held, last: last || draft.counts.sequence });
  return unreadable;
}

/** @returns the bytes of what there was. */
function moveAway(draft: Draft, key: Buffer): number {
  let bytes = 0;
  for (const table of ['heads', 'bodies'] as const) {
    const row = draft.get(table, key);
    if (row === undefined) continue;
    draft.put('unreadable', Buffer.concat([Buffer.from(`${table}/`), key]), row);
    draft.remove(table, key);
    bytes += row.length;
  }
  return bytes;
}
