import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { systemClock } from '../../../../src/core/clock.js';
import { openLmdbStore } from '../../../../src/core/store/lmdb/open-lmdb-store.js';
import { repositoryRoot } from '../../../support/documentation.js';
import { StoreUser } from '../store-user.js';
import type { Fact } from './crash-facts.js';
import { CrashModel } from './crash-model.js';

/** More of them: `npm run test:crash -- --kills 100`. */
const kills = Number(process.env.STORE_KILLS ?? 5);
/** From its first confirmed append to the kill. */
const maxLifeMs = 500;

/** What a process said that wrote to the directory until it was killed. */
async function writeUntilKilled(dataDir: string, run: string): Promise<readonly Fact[]> {
  const script = `${repositoryRoot}test/core/store/lmdb/crash-writer.mjs`;
  const child = spawn(process.execPath, [script, dataDir, run], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await Promise.race([once(child.stdout, 'data'), closed]);
  await delay(Math.random() * maxLifeMs);
  child.kill('SIGKILL');
  await closed;
  // The kill may have cut the last line.
  return said
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Fact);
}

it(
  `keeps what was confirmed, and nothing that was settled, through ${kills} kills`,
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'heap-crash-'));
    const model = new CrashModel();
    try {
      for (let kill = 0; kill < kills; kill += 1) {
        model.run = String(kill);
        for (const fact of await writeUntilKilled(dataDir, model.run)) model.hear(fact);
        const store = await openLmdbStore({
          dataDir,
          maxBytes: 2 ** 30,
          dedupeMs: 20_000,
          deadLetters: { maxBytes: 2 ** 30, maxAgeMs: 1e13 },
          clock: systemClock,
          onBroken: (error) => {
            throw error;
          },
          onLettersRemoved: (letters) => {
            throw new Error(`${letters} letters were removed`);
          },
          onUnreadable: ({ name }) => {
            throw new Error(`${name} can't be read`);
          },
        });
        const harness = { store, reopen: () => Promise.reject(new Error('not here')), end: () => store.close() };
        const user = await StoreUser.start(harness);
        await model.check(user);
        await user.end();
      }
      expect(model.confirmedAppends).toBeGreaterThanOrEqual(kills);
      const { confirmedAppends, confirmedSettles, confirmedRequeues } = model;
      const counts = `${confirmedAppends} appends, ${confirmedSettles} settles, ${confirmedRequeues} requeues`;
      if (kills > 10) process.stderr.write(`${counts}\n`);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
  20_000 + kills * 10_000,
);
