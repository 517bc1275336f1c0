import type { Chunk } from '../store.js';
import { belongsTo, bytesOf, decodeHead, type StoredEvent } from './chunk-rows.js';
import { chunkKey, maxNumber, sequenceOf } from './keys.js';
import type { LaneCounts } from './ledger.js';
import type { Entry, Tables } from './tables.js';

/** Heads of the lane's chunks with sequence >= `from`. */
export function headsOf(tables: Tables, { id }: LaneCounts, from: number): Iterable<Entry> {
  const start = chunkKey(id, Math.min(Math.max(0, Math.ceil(from)), maxNumber));
  return tables.entries('heads', start, chunkKey(id + 1, 0));
}

/** As `ClaimedLane.read` does; what is damaged is passed over, and its key given to `onDamaged`. */
export function readChunks(
  tables: Tables,
  counts: LaneCounts,
  from: number,
  maxBytes: number,
  onDamaged: (key: Buffer) => void,
): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let bytes = 0;
  for (const { key, value } of headsOf(tables, counts, from)) {
    const head = decodeHead(value);
    const more = head === undefined ? 0 : bytesOf(head.events);
    if (chunks.length > 0 && bytes + more > maxBytes) break;
    const body = head === undefined ? undefined : tables.get('bodies', key);
    if (head === undefined || !belongsTo(head, body)) {
      onDamaged(key);
      continue;
    }
    const { connection, receivedAt } = head;
    const text = ({ start, bytes: length }: StoredEvent): string => body.toString('utf8', start, start + length);
    const events = head.events.map((event) => ({ index: event.index, text: text(event) }));
    chunks.push({ lane: counts.lane, sequence: sequenceOf(key), connection, receivedAt, events });
    bytes += more;
  }
  return chunks;
}
