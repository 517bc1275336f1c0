import { StoreBroken } from '../store-broken.js';
import { StoreFull } from '../store-full.js';
import { Draft } from './draft.js';
import { isForWantOfRoom } from './fault.js';
import type { Ledger } from './ledger.js';
import type { Tables, Write } from './tables.js';

/** Something that is to be written. */
export interface Change<T> {
  /** Whether it may be refused for want of room; what empties the store must go on when the disk is full. */
  readonly adds: boolean;
  /** About what it writes. */
  readonly bytes: number;
  /** Puts it into a transaction; called again when the transaction has to be made anew. */
  readonly draft: (draft: Draft) => T;
}

/** Where the transactions go. */
export interface Disk {
  /** Makes room for `bytes` more. Resolves with the error when there is none, and rejects with any other. */
  makeRoom(bytes: number): Promise<Error | undefined>;
  /** Bytes of the room that was made before and is not in use, about; some transactions fit nevertheless. */
  readonly freeBytes: number;
}

interface Waiting {
  readonly change: Change<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Bytes of changes in one transaction, about: they are in memory twice while it is written. */
const transactionBytes = 8 * 2 ** 20;
/** Pages that a transaction writes beside its values: the paths to its rows, and what says which pages are free. */
const pathBytes = 64 * 4096;
/** Pages that a row may add: its value is rounded up to whole ones, and stands in a leaf that is written anew. */
const rowBytes = 2 * 4096;
/** As well, where values are small and keys are anywhere: a leaf for each, some of which split. */
const idRowBytes = 1.25 * 4096;
/** Room that additions leave for what empties the store. */
const reservedBytes = 2 ** 20;

/**
 * Writes changes in the order of their calls, all that wait at a time in one transaction: so callers of one moment share
 * a sync, and the slower the disk the more of them. One transaction is under way at a time.
 */
export class CommitQueue {
  readonly #tables: Tables;
  readonly #ledger: Ledger;
  readonly #disk: Disk;
  readonly #onBroken: (error: StoreBroken) => void;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #broken: StoreBroken | undefined;
  #closed = false;

  constructor(tables: Tables, ledger: Ledger, disk: Disk, onBroken: (error: StoreBroken) => void) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#disk = disk;
    this.#onBroken = onBroken;
  }

  /** Resolves when it is on disk. Rejects with `StoreFull`, and is undone, or with `StoreBroken`. */
  write<T>(change: Change<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ change, resolve: resolve as (result: unknown) => void, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** Takes nothing more, and resolves when all that was taken is written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
  }

  /** From now on every call rejects; the first that says so wins. */
  break(cause: unknown): StoreBroken {
    if (this.#broken === undefined) {
      this.#broken = new StoreBroken(`the store failed: ${messageOf(cause)}`, { cause });
      queueMicrotask(this.#onBroken.bind(undefined, this.#broken));
    }
    return this.#broken;
  }

  async #writeAll(): Promise<void> {
    // Calls of this turn come along.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#writeSome(this.#take());
    this.#writing = undefined;
  }

  #take(): readonly Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ change }) => (bytes += change.bytes) > transactionBytes);
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(1, end));
  }

  async #writeSome(some: readonly Waiting[]): Promise<void> {
    try {
      if (this.#broken !== undefined) throw this.#broken;
      const draft = new Draft(this.#tables, this.#ledger);
      const results = some.map(({ change }) => change.draft(draft));
      const adds = some.some(({ change }) => change.adds);
      await this.#commit(draft.writes(), adds ? reservedBytes : 0);
      draft.confirm();
      some.forEach(({ resolve }, position) => {
        resolve(results[position]);
      });
    } catch (error) {
      await this.#fail(some, error);
    }
  }

  async #commit(writes: readonly Write[], reserved: number): Promise<void> {
    if (writes.length === 0) return;
    const bytes = writes.reduce(
      (sum, { table, value }) => sum + (table === 'ids' ? idRowBytes : rowBytes) + (value?.length ?? 0),
      pathBytes + reserved,
    );
    const fault = await this.#disk.makeRoom(bytes);
    // Twice: values of many pages need them side by side. Without additions there is nothing to lose by trying.
    if (fault !== undefined && reserved > 0 && this.#disk.freeBytes < 2 * bytes) throw fault;
    try {
      await this.#tables.commit(writes);
    } catch (error) {
      throw fault ?? error;
    }
  }

  async #fail(some: readonly Waiting[], error: unknown): Promise<void> {
    const others = some.filter(({ change }) => !change.adds);
    const fault = isForWantOfRoom(error) ? new StoreFull(`no room: ${messageOf(error)}`, { cause: error }) : undefined;
    if (fault === undefined || others.length === some.length) {
      const refusal = fault ?? this.break(error);
      for (const { reject } of some) reject(refusal);
      return;
    }
    for (const { change, reject } of some) if (change.adds) reject(fault);
    if (others.length > 0) await this.#writeSome(others);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
