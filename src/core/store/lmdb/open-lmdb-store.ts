import { mkdir } from 'node:fs/promises';

import type { Clock } from '../../clock.js';
import type { StoreBroken } from '../store-broken.js';
import { lockDirectory } from './directory-lock.js';
import { isForWantOfRoom } from './fault.js';
import type { DeadLetterBounds } from './lmdb-dead-letters.js';
import { LmdbStore } from './lmdb-store.js';
import { LmdbTables } from './lmdb-tables.js';
import { Room } from './room.js';
import type { Unreadable } from './unreadable.js';

export interface LmdbStoreOptions {
  /** Made if it is not there. On a local disk, and for one process at a time. */
  readonly dataDir: string;
  /**
   * Bytes of events that may wait, with about 50 bytes more for each chunk and 12 for each event, and 64 bytes for each id
   * that is known. The file takes somewhat more, and never gets smaller: the room of what is gone is used again.
   */
  readonly maxBytes: number;
  /**
   * For how long the ids of events are known, so that an event that comes again is not stored again. When ids take more
   * than a quarter of `maxBytes`, the oldest are forgotten before their time. Undefined: no id is kept, or looked at.
   */
  readonly dedupeMs?: number | undefined;
  readonly deadLetters: DeadLetterBounds;
  readonly clock: Clock;
  /** Called once, when a write has failed otherwise than for want of room: the process should stop. */
  readonly onBroken: (error: StoreBroken) => void;
  /** Dead letters that were removed because they were too old or too many. */
  readonly onLettersRemoved: (letters: number) => void;
  readonly onUnreadable: (unreadable: Unreadable) => void;
}

/** Beside what the bounds allow: lmdb-js maps the file anew when it outgrows this. */
const spareMapBytes = 2 ** 30;
const maxMapBytes = 2 ** 42;

/**
 * Opens the store of a directory, in a time that grows with the number of lanes but not with what waits in them.
 *
 * @throws DirectoryInUse when another process has it open.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStore> {
  const { dataDir, maxBytes, deadLetters } = options;
  const unlock = await takeDirectory(dataDir);
  const undo: (() => Promise<void>)[] = [unlock];
  const release = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const bounds = 2 * (maxBytes + deadLetters.maxBytes);
    const tables = new LmdbTables(dataDir, Math.min(bounds + spareMapBytes, maxMapBytes));
    undo.push(() => tables.close());
    const room = await Room.open(tables.file);
    undo.push(() => room.close());
    const disk = {
      makeRoom: async (bytes: number): Promise<Error | undefined> => {
        try {
          await room.reach(tables.usedBytes + bytes);
          return undefined;
        } catch (error) {
          if (error instanceof Error && isForWantOfRoom(error)) return error;
          throw error;
        }
      },
      get freeBytes() {
        return tables.freeBytes;
      },
    };
    return await LmdbStore.open({ dedupeMs: undefined, ...options, bounds: deadLetters, tables, disk, release });
  } catch (error) {
    await release();
    if (error instanceof Error && !error.message.includes(dataDir)) error.message = `${dataDir}: ${error.message}`;
    throw error;
  }
}

/** Says what to do where the directory can't be used: whoever starts the service reads that, and nothing else. */
async function takeDirectory(dataDir: string): ReturnType<typeof lockDirectory> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await lockDirectory(dataDir);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(code)) throw error;
    const message = `events can't be stored in ${dataDir}: it has to be a directory that this user may write to (${code})`;
    throw new Error(message, { cause: error });
  }
}
