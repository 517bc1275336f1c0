import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { systemClock } from '../../../../src/core/clock.js';
import { openLmdbStore } from '../../../../src/core/store/lmdb/open-lmdb-store.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heap-unusable-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const nobody = 65_534;

/** To the superuser everything can be written to: it is somebody else meanwhile. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  const isSuperuser = process.geteuid?.() === 0;
  if (isSuperuser) process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    if (isSuperuser) process.seteuid?.(0);
  }
}

function open(dataDir: string): Promise<unknown> {
  const ignore = (): undefined => undefined;
  return openLmdbStore({
    ...{ dataDir, maxBytes: 1e6, deadLetters: { maxBytes: 1e6, maxAgeMs: 1e9 }, clock: systemClock },
    ...{ onBroken: ignore, onLettersRemoved: ignore, onUnreadable: ignore },
  });
}

describe('a directory that can not be used', () => {
  it('is named, with what it has to be, where it may only be read', async () => {
    await chmod(folder, 0o555);
    const refusal = asNobody(() => open(folder));
    await expect(refusal).rejects.toThrow(`${folder}: it has to be a directory that this user may write to (EACCES`);
  });

  it('is named where something in its path is a file', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(open(join(folder, 'file', 'data'))).rejects.toThrow('may write to (ENOTDIR');
  });
});
