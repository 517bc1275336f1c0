/**
 * - `heads`: lane and sequence to what of a chunk is open; `bodies`: the same key to the events' texts
 * - `lanes`: a lane's number to its name and counts
 * - `memos`: hash of a lane's name to who held it last and the memo
 * - `ids`: end of a period and hash of an event's id to the time it was stored
 * - `letters`: id to dead letter; `origins`: the origin of a letter to its id
 * - `unreadable`: what was found damaged, by the table and key it was found under
 * - `state`: one row of counts
 */
export const tableNames = [
  'heads',
  'bodies',
  'lanes',
  'memos',
  'ids',
  'letters',
  'origins',
  'unreadable',
  'state',
] as const;

export type TableName = (typeof tableNames)[number];

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Write {
  readonly table: TableName;
  readonly key: Buffer;
  /** Undefined removes the row. */
  readonly value: Buffer | undefined;
}

/** Sorted rows of bytes, written in transactions. Keys are short. */
export interface Tables {
  get(table: TableName, key: Buffer): Buffer | undefined;
  /** From `start` on, before `end`, by key. Only within the turn of the event loop that asked. */
  entries(table: TableName, start: Buffer, end?: Buffer): Iterable<Entry>;
  keys(table: TableName, start: Buffer, end?: Buffer): Iterable<Buffer>;
  /** All or nothing. Resolves when it is on disk; what it wrote is read from then on. */
  commit(writes: readonly Write[]): Promise<void>;
  close(): Promise<void>;
}
