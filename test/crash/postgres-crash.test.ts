import { expect, it } from '@jest/globals';

import { startPostgres } from '../support/postgres/start-postgres.js';
import { crashService } from './service-crash.js';

/** More of them: `npm run test:crash -- --kills 100`. */
const kills = Number(process.env.SERVICE_KILLS ?? 3);
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));

it(
  `a service on PostgreSQL loses nothing that it confirmed, and doubles nothing, through ${kills} kills (seed ${seed})`,
  async () => {
    const server = await startPostgres();
    try {
      const environment = { DATABASE_URL: await server.newUrl() };
      // The next one has the lanes when the lease of the one that was killed is over.
      const store = { postgres: { leaseMs: 2_000 } };
      const report = await crashService({ kills, seed, environment, maxLifeMs: 3_000, store });
      expect(report.confirmed).toBeGreaterThan(0);
      process.stdout.write(`${JSON.stringify(report)}\n`);
    } finally {
      await server.stop();
    }
  },
  60_000 + kills * 15_000,
);
