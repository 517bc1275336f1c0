import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch {
  readonly folder: string;
  /** A new folder in it. */
  newFolder(name: string): string;
}

/** A temporary folder that goes with this process. `TMPDIR` chooses its disk. */
export function openScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'heap-destination-bench-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    newFolder: (name) => {
      const path = join(folder, name);
      mkdirSync(path);
      return path;
    },
  };
}
