import { StoreFull } from '../store-full.js';
import type { AppendedChunk, NewChunk } from '../store.js';
import { encodeHead, layOut } from './chunk-rows.js';
import type { CommitQueue } from './commit-queue.js';
import type { Draft } from './draft.js';
import { bytesPerNewId, type EventIds } from './event-ids.js';
import { chunkKey } from './keys.js';
import type { LaneClaims } from './lane-claims.js';
import type { Ledger } from './ledger.js';

/** The rows of a chunk. */
interface EncodedRows {
  readonly head: Buffer;
  readonly body: Buffer;
  readonly events: number;
}

/** A chunk, ready to be written. */
export interface EncodedChunk extends EncodedRows {
  readonly chunk: NewChunk;
  /** Of its events' ids. */
  readonly hashes: readonly (Buffer | undefined)[];
}

export interface ChunkIntakeParts {
  readonly ledger: Ledger;
  readonly queue: CommitQueue;
  readonly ids: EventIds;
  readonly claims: LaneClaims;
  /** Bytes of rows of chunks and ids. */
  readonly maxBytes: number;
}

/** Takes chunks in, as far as the bound allows. */
export class ChunkIntake {
  readonly #parts: ChunkIntakeParts;
  /** Bytes of chunks that were taken and are not confirmed yet. */
  #arriving = 0;

  constructor(parts: ChunkIntakeParts) {
    this.#parts = parts;
  }

  encode(chunk: NewChunk): EncodedChunk {
    return { ...encodeRows(chunk, []), chunk, hashes: this.#parts.ids.hash(chunk) };
  }

  /** Of a chunk whose events are wanted though they were stored before. */
  encodeRepeat(chunk: NewChunk): EncodedChunk {
    return { ...encodeRows(chunk, []), chunk, hashes: [] };
  }

  /**
   * One transaction, which has to `put` the chunks.
   *
   * @param moreBytes about what it writes beside them.
   */
  async write<T>(chunks: readonly EncodedChunk[], moreBytes: number, draft: (draft: Draft) => T): Promise<T> {
    const { ledger, queue, ids, maxBytes } = this.#parts;
    const bytes = chunks.reduce((sum, { head, body }) => sum + head.length + body.length, 0);
    const idBytes = chunks.reduce((sum, { hashes }) => sum + hashes.length * bytesPerNewId, 0);
    const taken = ledger.held + ids.bytes + this.#arriving;
    if (bytes > 0 && taken + bytes > maxBytes) {
      throw new StoreFull(`${taken} of ${maxBytes} bytes are taken, and ${bytes} came`);
    }
    this.#arriving += bytes;
    try {
      return await queue.write({ adds: true, bytes: bytes + idBytes + moreBytes, draft });
    } finally {
      this.#arriving -= bytes;
    }
  }

  put(draft: Draft, { chunk, hashes, ...encoded }: EncodedChunk): AppendedChunk {
    const sequence = draft.nextSequence();
    const repeats = this.#parts.ids.takeRepeats(draft, hashes);
    const { head, body, events } = repeats.length === 0 ? encoded : encodeRows(chunk, repeats);
    if (events === 0) return { sequence, repeats };
    const { lane } = chunk;
    const before = draft.lane(lane);
    // A lane is numbered by its first chunk: sequences are never used again, so neither are numbers of lanes.
    const id = before?.id ?? sequence;
    draft.put('heads', chunkKey(id, sequence), head);
    draft.put('bodies', chunkKey(id, sequence), body);
    draft.setLane({
      ...{ id, lane },
      events: (before?.events ?? 0) + events,
      bytes: (before?.bytes ?? 0) + body.length,
      held: (before?.held ?? 0) + head.length + body.length,
      last: sequence,
    });
    this.#parts.claims.take(draft, lane);
    return { sequence, repeats, previous: before?.last ?? 0 };
  }
}

function encodeRows(chunk: NewChunk, leftOut: readonly number[]): EncodedRows {
  const out = new Set(leftOut);
  const texts = chunk.events.map((text, index) => ({ index, text })).filter(({ index }) => !out.has(index));
  const { head, body } = layOut(chunk, texts);
  return { head: encodeHead(head), body, events: texts.length };
}
