/** Puts events into the store of a directory, as if they had come through the door. Usage: node fill-process.js */
import { systemClock } from '../../src/core/clock.js';
import { openLmdbStore } from '../../src/core/store/lmdb/open-lmdb-store.js';
import { defaultStoreConfig } from '../../src/service/store-config.js';
import { answerParent } from '../delivery/answer-parent.js';
import { sampleLanes } from '../delivery/sample-operations.js';
import type { FillOrder, Filled } from './fill-order.js';
import { NumberedBody } from './numbered-body.js';

/** Events on their way to the disk at once. */
const underWay = 6_400;
/** A slow disk gets fewer events, not a longer run. */
const maxMs = 100_000;

answerParent(async ({ dataDir, events, eventsPerChunk, lanes: count }: FillOrder): Promise<Filled> => {
  const broken = (error: Error): void => {
    throw error;
  };
  const { maxBytes, deadLetters } = defaultStoreConfig;
  const store = await openLmdbStore({
    ...{ dataDir, maxBytes, deadLetters, clock: systemClock, onBroken: broken },
    onLettersRemoved: () => undefined,
    onUnreadable: () => undefined,
  });
  const lanes = sampleLanes(count);
  const numbers = { event: 0, track: 0 };
  let bytes = 0;
  let chunks = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: Math.ceil(underWay / eventsPerChunk) }, async () => {
      const body = new NumberedBody(eventsPerChunk, 'tracks');
      while (numbers.event < events && performance.now() < startedAt + maxMs) {
        const lane = chunks % count;
        chunks += 1;
        body.renumber(numbers);
        bytes += body.bytes.length;
        const chunk = { connection: `bench-${lane}`, receivedAt: Date.now(), events: body.texts() };
        await store.append([{ ...chunk, lane: lanes[lane]?.key ?? '' }]);
      }
    }),
  );
  const wallMs = performance.now() - startedAt;
  await store.close();
  return { events: numbers.event, bytes, wallMs };
});
