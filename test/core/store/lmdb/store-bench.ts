import { LmdbStore, type LmdbStoreParts } from '../../../../src/core/store/lmdb/lmdb-store.js';
import type { StoreBroken } from '../../../../src/core/store/store-broken.js';
import { VirtualClock } from '../../../support/virtual-clock.js';
import { StoreUser } from '../store-user.js';
import { MemoryTables } from './memory-tables.js';

/** As LMDB and the file system say it. */
export const diskFull = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
export const diskFailed = Object.assign(new Error('input/output error'), { code: 5 });

/** A store without a disk, which fails as it is told to. */
export class StoreBench {
  readonly tables = new MemoryTables();
  readonly clock = new VirtualClock();
  readonly broken: StoreBroken[] = [];
  readonly removals: number[] = [];
  /** What making room comes to, as long as it stands here. */
  roomFault: Error | undefined;
  freeBytes = 0;

  /** Opens it for somebody who takes its lanes. */
  async user(changed: Partial<LmdbStoreParts> = {}): Promise<StoreUser> {
    const store = await this.open(changed);
    return StoreUser.start({ store, reopen: () => Promise.reject(new Error('not here')), end: () => store.close() });
  }

  open(changed: Partial<LmdbStoreParts> = {}): Promise<LmdbStore> {
    return LmdbStore.open({
      tables: this.tables,
      disk: { makeRoom: () => Promise.resolve(this.roomFault), freeBytes: this.freeBytes },
      maxBytes: 2 ** 30,
      dedupeMs: undefined,
      bounds: { maxBytes: 2 ** 30, maxAgeMs: 1e15 },
      clock: this.clock,
      onBroken: (error) => this.broken.push(error),
      onLettersRemoved: (letters) => this.removals.push(letters),
      onUnreadable: (record) => {
        throw new Error(`unreadable: ${record.name}`);
      },
      release: () => Promise.resolve(),
      ...changed,
    });
  }
}

/** Lets what was started without being waited for come to its end. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
