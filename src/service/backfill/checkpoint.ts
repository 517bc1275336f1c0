import { open, readFile, rename } from 'node:fs/promises';

import { BackfillRefused } from './backfill-refused.js';
import type { BackfillCounts } from './backfill-counts.js';
import type { FilePlace } from './read-records.js';

/** What a backfill is: none of it may change between its beginning and its end. */
export interface BackfillIdentity {
  readonly size: number;
  readonly fingerprint: string;
  readonly connection: string;
  /** Where its events go: what takes them, and which lane of it. */
  readonly destination: string;
}

/** Up to where everything is stored or settled. */
export interface Checkpoint extends BackfillIdentity, FilePlace {
  readonly version: 1;
  /** Milliseconds since the epoch at which the first run began. */
  readonly startedAt: number;
  /** Length of the rejects up to here. */
  readonly rejectsBytes: number;
  readonly counts: BackfillCounts;
  readonly isFinished: boolean;
}

/**
 * @returns undefined where there is none.
 * @throws BackfillRefused where the file is something else.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new BackfillRefused(`the checkpoint ${path} can not be read: ${String(error)}`);
  }
  try {
    const value = JSON.parse(text) as Partial<Checkpoint> | null;
    if (value?.version === 1 && value.counts !== undefined) return value as Checkpoint;
  } catch {
    // It is told below.
  }
  throw new BackfillRefused(`${path} is no checkpoint of a backfill; give another path with --checkpoint`);
}

/** Resolves when it is on disk in place of the one before; there is never half of one. */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const draft = `${path}.tmp`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(checkpoint, undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
}

/** @throws BackfillRefused where the checkpoint is that of something else. */
export function requireSame(path: string, checkpoint: Checkpoint, wanted: BackfillIdentity): void {
  const differences = [
    ...(checkpoint.fingerprint === wanted.fingerprint && checkpoint.size === wanted.size
      ? []
      : [`another file, or the file has changed (then ${checkpoint.size} bytes, now ${wanted.size})`]),
    ...(checkpoint.connection === wanted.connection
      ? []
      : [`the connection "${checkpoint.connection}", not "${wanted.connection}"`]),
    ...(checkpoint.destination === wanted.destination ? [] : [`${checkpoint.destination}, not ${wanted.destination}`]),
  ];
  if (differences.length === 0) return;
  const ways = '--restart begins anew, --checkpoint FILE keeps the two apart';
  throw new BackfillRefused(`the checkpoint ${path} is of ${differences.join('; of ')}. ${ways}.`);
}
