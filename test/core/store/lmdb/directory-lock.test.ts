import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { DirectoryInUse } from '../../../../src/core/store/lmdb/directory-in-use.js';
import { lockDirectory } from '../../../../src/core/store/lmdb/directory-lock.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'heap-lock-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** A process that listens where an owner would, and does nothing else. */
async function owner(): Promise<ReturnType<typeof spawn>> {
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', script, join(directory, 'owner-0123456789ab.sock')]);
  await once(child.stdout, 'data');
  return child;
}

describe('a directory', () => {
  it('belongs to one, who is named to the next, until it is given back', async () => {
    const release = await lockDirectory(directory);
    const second = lockDirectory(directory);
    await expect(second).rejects.toThrow(DirectoryInUse);
    await expect(second).rejects.toThrow(`${directory} is in use by process ${process.pid} on ${hostname()}, since 20`);
    await release();
    const again = await lockDirectory(directory);
    await again();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is free once its owner was killed, whose socket stays behind', async () => {
    const child = await owner();
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
    expect(await readdir(directory)).toHaveLength(1);
    const release = await lockDirectory(directory);
    await release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not free while its owner is stopped', async () => {
    const child = await owner();
    const closed = once(child, 'close');
    child.kill('SIGSTOP');
    await expect(lockDirectory(directory)).rejects.toThrow('in use by a process that does not answer');
    child.kill('SIGKILL');
    await closed;
  });

  it('has at most one owner when many come at once', async () => {
    for (let round = 0; round < 10; round += 1) {
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => lockDirectory(directory)));
      const owners = results.filter((result) => result.status === 'fulfilled');
      expect(owners.length).toBeLessThanOrEqual(1);
      for (const { value: release } of owners) await release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('whose path is too long for a socket is refused in these words', async () => {
    const deep = join(directory, 'd'.repeat(100));
    await mkdir(deep);
    await expect(lockDirectory(deep)).rejects.toThrow('is too long for the socket that guards the directory');
  });
});
