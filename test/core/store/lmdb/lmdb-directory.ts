import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { LmdbStore } from '../../../../src/core/store/lmdb/lmdb-store.js';
import { openLmdbStore, type LmdbStoreOptions } from '../../../../src/core/store/lmdb/open-lmdb-store.js';
import type { Unreadable } from '../../../../src/core/store/lmdb/unreadable.js';
import { VirtualClock } from '../../../support/virtual-clock.js';

/** A directory with a store in it, for the length of a test. */
export class LmdbDirectory {
  readonly clock = new VirtualClock();
  readonly broken: Error[] = [];
  readonly unreadable: Unreadable[] = [];
  lettersRemoved = 0;
  readonly #options: Partial<LmdbStoreOptions>;
  readonly #directories: string[] = [];
  readonly #stores: LmdbStore[] = [];

  private constructor(options: Partial<LmdbStoreOptions>) {
    this.#options = options;
  }

  /** With a store that is open. */
  static async start(options: Partial<LmdbStoreOptions> = {}): Promise<LmdbDirectory> {
    const directory = new LmdbDirectory(options);
    directory.#directories.push(await mkdtemp(join(tmpdir(), 'heap-store-')));
    await directory.open();
    return directory;
  }

  get path(): string {
    return this.#directories.at(-1) ?? '';
  }

  get store(): LmdbStore {
    const store = this.#stores.at(-1);
    if (store === undefined) throw new Error('no store was opened');
    return store;
  }

  async open(): Promise<LmdbStore> {
    const store = await openLmdbStore({
      dataDir: this.path,
      maxBytes: 2 ** 30,
      deadLetters: { maxBytes: 2 ** 30, maxAgeMs: 1e13 },
      clock: this.clock,
      onBroken: (error) => this.broken.push(error),
      onLettersRemoved: (letters) => (this.lettersRemoved += letters),
      onUnreadable: (record) => this.unreadable.push(record),
      ...this.#options,
    });
    this.#stores.push(store);
    return store;
  }

  async reopen(left: 'closed' | 'abandoned'): Promise<void> {
    if (left === 'closed') await this.store.close();
    // The same process can't map a file twice: what a kill would leave is read from a copy, while nothing is written.
    else {
      const copy = await mkdtemp(join(tmpdir(), 'heap-store-'));
      await cp(join(this.path, 'data.mdb'), join(copy, 'data.mdb'));
      this.#directories.push(copy);
    }
    await this.open();
  }

  async end(): Promise<void> {
    for (const store of this.#stores) await store.close();
    for (const path of this.#directories) await rm(path, { recursive: true, force: true });
  }
}
