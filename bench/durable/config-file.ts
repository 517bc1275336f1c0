import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { durableBacklog } from '../../src/service/store-config.js';

/**
 * Writes a configuration of so many connections, each with a lane of its own, whose rate limits are off.
 *
 * @returns its path.
 */
export function writeConfigFile(folder: string, lanes: number): string {
  const file = join(folder, `lanes-${lanes}.json`);
  const config = {
    connections: Array.from({ length: lanes }, (_unused, lane) => ({
      id: `bench-${lane}`,
      appId: String(9_000_000_000 + lane),
      writeKey: writeKeyOf(lane),
    })),
    server: { host: '127.0.0.1' },
    delivery: {
      // As much memory for what is under way with a store as without.
      ...durableBacklog,
      rateLimits: {
        eventsPerAppPerMinute: null,
        eventsPerIdentityPerMinute: null,
        requestsPerIdentityPer30Seconds: null,
      },
    },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

export function writeKeyOf(lane: number): string {
  return `bench-key-${lane}`;
}
