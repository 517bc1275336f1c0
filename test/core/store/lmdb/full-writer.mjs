// Fills a store until the file may not grow, empties it and fills it again, and says how far it came each time.
// Usage: sh -c 'ulimit -f 32768 && exec node full-writer.mjs <data directory>'; needs the build.
import { statSync } from 'node:fs';
import { join } from 'node:path';

import { systemClock } from '../../../../dist/core/clock.js';
import { openLmdbStore } from '../../../../dist/core/store/lmdb/open-lmdb-store.js';

const [dataDir] = process.argv.slice(2);
// The signal that comes with the error.
process.on('SIGXFSZ', () => undefined);
const fail = (problem) => {
  throw new Error(`this was not to happen: ${problem?.message ?? problem}`);
};
const store = await openLmdbStore({
  dataDir,
  maxBytes: 2 ** 40,
  dedupeMs: 86_400_000,
  deadLetters: { maxBytes: 2 ** 30, maxAgeMs: 1e13 },
  clock: systemClock,
  onBroken: fail,
  onLettersRemoved: fail,
  onUnreadable: fail,
});
const lanes = new Map();
await store.claim({ onClaimed: (lane) => lanes.set(lane.lane, lane) });
const rounds = [];
for (let round = 0; round < 3; round += 1) {
  let stored = 0;
  let refusal;
  while (refusal === undefined) {
    const events = Array.from({ length: 10 }, () => JSON.stringify('x'.repeat(20_000)));
    const ids = events.map((_, index) => `${round}/${stored}/${index}`);
    await store.append([{ lane: 'us:1', connection: 'web', receivedAt: 1, events, ids }]).then(
      () => (stored += 1),
      (error) => (refusal = error.name),
    );
  }
  const lane = lanes.get('us:1');
  const chunks = await lane.read(0, Number.MAX_SAFE_INTEGER);
  // A few at a time, with letters, while there is no room.
  for (let at = 0; at < chunks.length; at += 10) {
    const some = chunks.slice(at, at + 10);
    const settled = some.map(({ sequence, events }) => ({ sequence, indexes: events.map(({ index }) => index) }));
    const place = { lane: 'us:1', connection: 'web', receivedAt: 1, rejectedAt: 1, origin: `${round}/${at}` };
    const letter = { ...place, reason: 'x', detail: '', attempts: 1, messageId: '', event: '{}', delivered: [] };
    await lane.settle(settled, [letter], `memo of ${at}`);
  }
  rounds.push({ stored, refusal, read: chunks.length, left: (await store.backlog()).length });
}
await store.close();
console.log(JSON.stringify({ rounds, bytes: statSync(join(dataDir, 'data.mdb')).size }));
