import { crc32 } from './checksum.js';
import { seal, unseal } from './sealed.js';

/**
 * A chunk on disk: a body, which is the events' texts in UTF-8, and a head, which says what of it is open. Settling
 * reads and writes the head alone. A head is sealed; its numbers are little-endian:
 *
 *     u8 format, f64 receivedAt, u32 bytes of the body, u32 checksum of the body,
 *     u32 bytes of the lane, u32 bytes of the connection, u32 open events,
 *     (u32 index, u32 start, u32 bytes) of each open event, lane, connection
 */
const format = 1;
const fixedBytes = 29;
const bytesPerEvent = 12;

/** An event within the body's bytes. */
export interface StoredEvent {
  readonly index: number;
  readonly start: number;
  readonly bytes: number;
}

export interface ChunkHead {
  readonly lane: string;
  readonly connection: string;
  readonly receivedAt: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  /** Those that are open, in their order. */
  readonly events: readonly StoredEvent[];
}

export interface ChunkRows {
  readonly head: ChunkHead;
  readonly body: Buffer;
}

/** @param texts with the index of each. */
export function layOut(
  place: Pick<ChunkHead, 'lane' | 'connection' | 'receivedAt'>,
  texts: readonly { readonly index: number; readonly text: string | Buffer }[],
): ChunkRows {
  const { lane, connection, receivedAt } = place;
  const events: StoredEvent[] = [];
  let bodyBytes = 0;
  for (const { index, text } of texts) {
    const bytes = Buffer.byteLength(text);
    events.push({ index, start: bodyBytes, bytes });
    bodyBytes += bytes;
  }
  const body = Buffer.allocUnsafe(bodyBytes);
  texts.forEach(({ text }, position) => {
    const start = events[position]?.start ?? 0;
    if (typeof text === 'string') body.write(text, start);
    else text.copy(body, start);
  });
  return { head: { lane, connection, receivedAt, bodyBytes, bodyChecksum: crc32(body), events }, body };
}

export function encodeHead(head: ChunkHead): Buffer {
  const lane = Buffer.from(head.lane);
  const connection = Buffer.from(head.connection);
  const fixed = Buffer.allocUnsafe(fixedBytes + bytesPerEvent * head.events.length);
  let at = fixed.writeUInt8(format, 0);
  at = fixed.writeDoubleLE(head.receivedAt, at);
  for (const number of [head.bodyBytes, head.bodyChecksum, lane.length, connection.length, head.events.length]) {
    at = fixed.writeUInt32LE(number, at);
  }
  for (const { index, start, bytes } of head.events) {
    at = fixed.writeUInt32LE(index, at);
    at = fixed.writeUInt32LE(start, at);
    at = fixed.writeUInt32LE(bytes, at);
  }
  return seal(Buffer.concat([fixed, lane, connection]));
}

/** @returns undefined for what is damaged. */
export function decodeHead(row: Buffer): ChunkHead | undefined {
  const bytes = unseal(row);
  if (bytes?.[0] !== format) return undefined;
  const [bodyBytes, bodyChecksum, laneBytes, connectionBytes, count] = [9, 13, 17, 21, 25].map((at) =>
    bytes.readUInt32LE(at),
  ) as [number, number, number, number, number];
  const laneStart = fixedBytes + bytesPerEvent * count;
  const events: StoredEvent[] = [];
  for (let at = fixedBytes; at < laneStart; at += bytesPerEvent) {
    events.push({
      index: bytes.readUInt32LE(at),
      start: bytes.readUInt32LE(at + 4),
      bytes: bytes.readUInt32LE(at + 8),
    });
  }
  return {
    lane: bytes.toString('utf8', laneStart, laneStart + laneBytes),
    connection: bytes.toString('utf8', laneStart + laneBytes, laneStart + laneBytes + connectionBytes),
    receivedAt: bytes.readDoubleLE(1),
    ...{ bodyBytes, bodyChecksum, events },
  };
}

/** Whether the body is the one that the head is about, whole. */
export function belongsTo(head: ChunkHead, body: Buffer | undefined): body is Buffer {
  return body?.length === head.bodyBytes && crc32(body) === head.bodyChecksum;
}

export function bytesOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, { bytes }) => sum + bytes, 0);
}
