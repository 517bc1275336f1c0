import type { Entry, TableName, Tables, Write } from '../../../../src/core/store/lmdb/tables.js';

/** Tables that are gone with the process, and fail when they are told to. */
export class MemoryTables implements Tables {
  /** What the next commits fail with, each with one. */
  readonly faults: unknown[] = [];
  reads = 0;
  commits = 0;
  readonly #rows = new Map<string, Entry>();

  get(table: TableName, key: Buffer): Buffer | undefined {
    this.reads += 1;
    return this.#rows.get(nameOf(table, key))?.value;
  }

  *entries(table: TableName, start: Buffer, end?: Buffer): Generator<Entry> {
    const names = [...this.#rows.keys()].filter((name) => name.startsWith(`${table}/`)).sort();
    for (const name of names) {
      const entry = this.#rows.get(name);
      if (entry === undefined || entry.key.compare(start) < 0) continue;
      if (end !== undefined && entry.key.compare(end) >= 0) return;
      this.reads += 1;
      yield entry;
    }
  }

  *keys(table: TableName, start: Buffer, end?: Buffer): Generator<Buffer> {
    for (const { key } of this.entries(table, start, end)) yield key;
  }

  async commit(writes: readonly Write[]): Promise<void> {
    this.commits += 1;
    await Promise.resolve();
    if (this.faults.length > 0) throw this.faults.shift();
    for (const { table, key, value } of writes) {
      if (value === undefined) this.#rows.delete(nameOf(table, key));
      else this.#rows.set(nameOf(table, key), { key, value });
    }
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

/** Sorts as the keys of a table do. */
function nameOf(table: TableName, key: Buffer): string {
  return `${table}/${key.toString('hex')}`;
}
