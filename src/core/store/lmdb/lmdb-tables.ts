import { statSync } from 'node:fs';
import { join } from 'node:path';

import { open, type Database, type RootDatabase } from 'lmdb';

import { refuseForeignFile } from './refuse-foreign-file.js';
import { tableNames, type Entry, type TableName, type Tables, type Write } from './tables.js';

type Table = Database<Buffer, Buffer>;

/** Tables in one LMDB file, `data.mdb`. */
export class LmdbTables implements Tables {
  readonly file: string;
  readonly #root: RootDatabase;
  readonly #tables: Readonly<Record<TableName, Table>>;

  /** @param mapBytes address space for the file, not memory; lmdb-js takes more when the file outgrows it. */
  constructor(dataDir: string, mapBytes: number) {
    this.file = join(dataDir, 'data.mdb');
    refuseForeignFile(this.file);
    this.#root = open({
      path: dataDir,
      noSubdir: false,
      mapSize: mapBytes,
      maxDbs: tableNames.length,
      // As LMDB was made: a commit is synced before anybody sees it, and one that fails leaves nothing behind. Syncing
      // after the commit is lmdb-js's own, and trusts what was not synced after a crash if the machine was not rebooted.
      overlappingSync: false,
      // Else lmdb-js keeps a promise of its own for each turn, which nobody handles when a commit fails.
      eventTurnBatching: false,
    });
    try {
      this.#refuseShortFile(dataDir);
      const openTable = (name: TableName): Table =>
        this.#root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
      this.#tables = Object.fromEntries(tableNames.map((name) => [name, openTable(name)])) as Record<TableName, Table>;
    } catch (error) {
      void this.#root.close();
      throw error;
    }
  }

  /** Bytes of the file up to the last page in use. Pages before it may be free; they are used again first. */
  get usedBytes(): number {
    const { lastPageNumber, pageSize } = this.#root.getStats() as { lastPageNumber: number; pageSize: number };
    return (lastPageNumber + 1) * pageSize;
  }

  /** Bytes of the pages before it that nothing is in, about. */
  get freeBytes(): number {
    const inUse = tableNames.reduce((sum, name) => sum + pagesOf(this.#tables[name].getStats()), 0);
    return Math.max(0, this.usedBytes - inUse * (this.#root.getStats() as { pageSize: number }).pageSize);
  }

  get(table: TableName, key: Buffer): Buffer | undefined {
    return this.#tables[table].getBinary(key);
  }

  entries(table: TableName, start: Buffer, end?: Buffer): Iterable<Entry> {
    return this.#tables[table].getRange(end === undefined ? { start } : { start, end });
  }

  keys(table: TableName, start: Buffer, end?: Buffer): Iterable<Buffer> {
    return this.#tables[table].getKeys(end === undefined ? { start } : { start, end });
  }

  async commit(writes: readonly Write[]): Promise<void> {
    try {
      // Nothing in here may throw: what was put before that would be committed.
      await this.#root.batch(() => {
        for (const { table, key, value } of writes) {
          if (value === undefined) void this.#tables[table].remove(key);
          else void this.#tables[table].put(key, value);
        }
      });
    } catch (error) {
      // The reason comes as a promise beside the error, and rejects.
      const { commitError } = error as { readonly commitError?: Promise<never> };
      await commitError;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  /** Reading a mapped page behind the end of its file kills the process. */
  #refuseShortFile(dataDir: string): void {
    const { size } = statSync(this.file);
    if (size < this.usedBytes) {
      throw new Error(`${dataDir}: data.mdb has ${size} bytes and says it has ${this.usedBytes}: it was cut off`);
    }
  }
}

function pagesOf(stats: object): number {
  const { treeBranchPageCount, treeLeafPageCount, overflowPages } = stats as Readonly<Record<string, number>>;
  return (treeBranchPageCount ?? 0) + (treeLeafPageCount ?? 0) + (overflowPages ?? 0);
}
