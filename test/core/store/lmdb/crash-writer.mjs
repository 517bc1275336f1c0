// Writes to a store until it is killed, and says on standard output what it is about to do and what was confirmed.
// Usage: node crash-writer.mjs <data directory> <name of this run>; needs the build.
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import { systemClock } from '../../../../dist/core/clock.js';
import { openLmdbStore } from '../../../../dist/core/store/lmdb/open-lmdb-store.js';

const [dataDir, run] = process.argv.slice(2);
const lanes = ['us:1', 'us:2', '__proto__'];
const maxWaitingBytes = 2 ** 21;
const below = (limit) => Math.floor(Math.random() * limit);
// Synchronous: what was said before the kill is heard.
const say = (fact) => writeSync(1, `${JSON.stringify(fact)}\n`);
const fail = (problem) => {
  say({ type: 'failed', problem: String(problem?.stack ?? problem) });
  process.exit(1);
};

const store = await openLmdbStore({
  dataDir,
  maxBytes: 2 ** 28,
  // Short, so that ids are forgotten while processes come and go.
  dedupeMs: 20_000,
  deadLetters: { maxBytes: 2 ** 30, maxAgeMs: 1e13 },
  clock: systemClock,
  onBroken: fail,
  onLettersRemoved: () => fail('letters were removed'),
  onUnreadable: ({ name }) => fail(`${name} can't be read`),
});

let calls = 0;
const nextCall = () => `${run}-${(calls += 1)}`;

async function appendForever() {
  for (;;) {
    const call = nextCall();
    const count = 1 + below(3);
    const chunks = Array.from({ length: count }, (_, chunk) => {
      const events = 1 + below(20);
      const text = (index) => JSON.stringify({ call, count, chunk, events, index, filling: 'x'.repeat(below(1_500)) });
      const texts = Array.from({ length: events }, (_event, index) => text(index));
      const ids = texts.map((_event, index) => `${call}/${chunk}/${index}`);
      return { lane: lanes[below(lanes.length)], connection: 'web', receivedAt: Date.now(), events: texts, ids };
    });
    say({ type: 'appending', call, ids: chunks.flatMap(({ ids }) => ids) });
    const appended = await store.append(chunks);
    chunks.forEach(({ lane, events }, chunk) => {
      const { sequence, repeats } = appended[chunk];
      if (repeats.length > 0) fail(`${call} is taken for a repeat`);
      say({ type: 'appended', call, count, chunk, events: events.length, lane, sequence });
    });
    if (below(10) === 0) {
      const again = await store.append(chunks);
      if (again.some(({ repeats }, chunk) => repeats.length < chunks[chunk].events.length))
        fail(`${call} is stored twice`);
    }
    for (;;) {
      const waiting = (await store.backlog()).reduce((sum, { bytes }) => sum + bytes, 0);
      if (waiting < maxWaitingBytes) break;
      await delay(5);
    }
  }
}

async function settleForever(lane) {
  let memo = Number(lane.memo?.text ?? 0);
  for (;;) {
    for (const { sequence, events } of await lane.read(0, 30_000)) {
      const { call, count, chunk, events: total } = JSON.parse(events[0].text);
      // Mostly all of it, at times a part.
      const chosen = below(3) === 0 ? events.filter(() => below(2) === 0) : events;
      const indexes = chosen.map(({ index }) => index);
      if (indexes.length === 0) continue;
      memo += 1;
      const origin = below(5) === 0 ? `${lane.lane}/${sequence}/${indexes[0]}` : undefined;
      const place = { lane: lane.lane, connection: 'web', receivedAt: 1, rejectedAt: Date.now(), origin };
      const why = { reason: 'x', detail: '', attempts: 1, messageId: '', event: '{}', delivered: [] };
      const letters = origin === undefined ? [] : [{ ...place, ...why }];
      const settled = { call, count, chunk, events: total, lane: lane.lane, sequence, indexes, origin, memo };
      say({ type: 'settling', ...settled });
      await lane.settle([{ sequence, indexes }], letters, String(memo));
      say({ type: 'settled', ...settled });
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function requeueForever() {
  for (;;) {
    await delay(2 + below(10));
    const letters = await store.deadLetters.list({}, undefined, 5);
    if (letters.length < 5) continue;
    const { id, origin, lane } = letters[below(letters.length)];
    const call = nextCall();
    const text = JSON.stringify({ call, count: 1, chunk: 0, events: 1, index: 0 });
    const requeue = { id, chunk: { lane, connection: 'web', receivedAt: Date.now(), events: [text] } };
    say({ type: 'requeueing', call, origin });
    const requeued = await store.deadLetters.requeue([requeue, requeue]);
    if (requeued.length !== 1) fail(`${origin} came ${requeued.length} times`);
    say({ type: 'requeued', call, origin });
  }
}

await store.claim({
  onClaimed: (lane) => {
    say({ type: 'claimed', lane: lane.lane, wasReleased: lane.wasReleased, memo: lane.memo?.text });
    settleForever(lane).catch(fail);
  },
  onAppended: fail,
  onWanted: fail,
  onLost: fail,
});
await Promise.all([appendForever(), appendForever(), appendForever(), requeueForever()]).catch(fail);
