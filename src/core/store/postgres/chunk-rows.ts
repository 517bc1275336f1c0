import { createHash } from 'node:crypto';

import type { Chunk, NewChunk } from '../store.js';
import { fromColumn, toColumn } from './text-columns.js';

/** A chunk, ready to be written; parallel arrays of its events. */
export interface EncodedChunk {
  readonly connection: string;
  readonly receivedAt: number;
  readonly texts: readonly Buffer[];
  /** Of an event that has an id: what it is known by. Empty where repeats are not told. */
  readonly hashes: readonly (string | undefined)[];
  /** Of the texts. */
  readonly bytes: number;
}

export interface ChunkRow {
  readonly sequence: number;
  readonly connection: string;
  readonly received_at: number;
  readonly indexes: readonly number[];
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly body: Buffer;
}

export function encodeNewChunk(chunk: NewChunk, tellsRepeats: boolean): EncodedChunk {
  const texts = chunk.events.map((event) => Buffer.from(event));
  const { connection, receivedAt, ids } = chunk;
  return {
    connection: toColumn(connection),
    receivedAt: Math.trunc(receivedAt),
    texts,
    hashes: tellsRepeats && ids !== undefined ? texts.map((_text, index) => hashOf(connection, ids[index])) : [],
    bytes: texts.reduce((sum, { length }) => sum + length, 0),
  };
}

export function decodeChunk(lane: string, row: ChunkRow): Chunk {
  const { sequence, connection, received_at: receivedAt, indexes, starts, sizes, body } = row;
  const events = indexes.map((index, position) => {
    const start = starts[position] ?? 0;
    return { index, text: body.toString('utf8', start, start + (sizes[position] ?? 0)) };
  });
  return { lane, sequence, connection: fromColumn(connection), receivedAt, events };
}

function hashOf(connection: string, id: string | undefined): string | undefined {
  if (id === undefined || id === '') return undefined;
  return createHash('sha256')
    .update(JSON.stringify([connection, id]))
    .digest('hex')
    .slice(0, 32);
}
