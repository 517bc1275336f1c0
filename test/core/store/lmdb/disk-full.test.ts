import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { repositoryRoot } from '../../../support/documentation.js';

/** In the unit of `ulimit -f`. */
const limitBlocks = 32_768;
const blockBytes = 512;

interface Round {
  readonly stored: number;
  readonly refusal: string;
  readonly read: number;
  readonly left: number;
}

it('keeps what it took when the file may grow no further, can be emptied, and takes as much again', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'heap-full-'));
  try {
    const script = `${repositoryRoot}test/core/store/lmdb/full-writer.mjs`;
    const limited = `ulimit -f ${limitBlocks} && exec "$0" "$@"`;
    const child = spawn('sh', ['-c', limited, process.execPath, script, dataDir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [said, complained] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, complained }).toEqual({ code: 0, complained: '' });
    const { rounds, bytes } = JSON.parse(said) as { readonly rounds: readonly Round[]; readonly bytes: number };
    const most = Math.max(...rounds.map(({ stored }) => stored));
    for (const { stored, refusal, read, left } of rounds) {
      expect({ refusal, read, left }).toEqual({ refusal: 'StoreFull', read: stored, left: 0 });
      expect(stored).toBeGreaterThanOrEqual(0.6 * most);
    }
    // Shells disagree about the unit.
    expect(bytes).toBeLessThanOrEqual(2 * limitBlocks * blockBytes);
    expect(most * 200_000).toBeGreaterThan(0.5 * bytes);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}, 60_000);
