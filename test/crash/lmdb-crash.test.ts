import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, it } from '@jest/globals';

import { crashService } from './service-crash.js';

/** More of them: `npm run test:crash -- --kills 100`. */
const kills = Number(process.env.SERVICE_KILLS ?? 5);
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));

it(
  `a service on LMDB loses nothing that it confirmed, and doubles nothing, through ${kills} kills (seed ${seed})`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'service-crash-'));
    try {
      const report = await crashService({ kills, seed, environment: { DATA_DIR: folder }, maxLifeMs: 600 });
      expect(report.confirmed).toBeGreaterThan(0);
      process.stdout.write(`${JSON.stringify(report)}\n`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000 + kills * 10_000,
);
