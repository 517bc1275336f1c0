import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { Batch } from '../../demo/send-batch.js';
import { streamEvents } from '../../demo/stream-events.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stream-events-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A file of `count` events of 40 people and 2 write keys; each says its number. */
function eventsFile(count: number): URL {
  const path = join(folder, 'events.ndjson');
  const lines = Array.from({ length: count }, (_, number) => {
    const person = (number * 7) % 40;
    return JSON.stringify({ writeKey: `key-${person % 2}`, event: { userId: `u${person}`, number } });
  });
  writeFileSync(path, `${lines.join('\n')}\n`);
  return pathToFileURL(path);
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('streaming events', () => {
  test('sends every event once, at most 50 of one write key in a request', async () => {
    const batches: Batch[] = [];
    await streamEvents(eventsFile(2_345), (batch) => {
      batches.push(batch);
      return Promise.resolve();
    });

    const numbers = batches.flatMap(({ events }) => events.map(({ number }) => Number(number)));
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 2_345 }, (_, number) => number));
    for (const { writeKey, events } of batches) {
      expect(events.length).toBeLessThanOrEqual(50);
      for (const { userId } of events) expect(`key-${Number((userId as string).slice(1)) % 2}`).toBe(writeKey);
    }
  });

  test('keeps the events of a person in order while several requests are in flight', async () => {
    const seen = new Map<string, number>();
    const underWay = new Set<string>();
    let inFlight = 0;
    let most = 0;
    await streamEvents(eventsFile(3_000), async ({ events }) => {
      const people = new Set(events.map(({ userId }) => userId as string));
      for (const person of people) expect(underWay.has(person)).toBe(false);
      for (const person of people) underWay.add(person);
      most = Math.max(most, ++inFlight);
      for (let turn = 0; turn < 20; turn++) await turnOfEventLoop();
      for (const { userId, number } of events) {
        expect(number as number).toBeGreaterThan(seen.get(userId as string) ?? -1);
        seen.set(userId as string, number as number);
      }
      inFlight -= 1;
      for (const person of people) underWay.delete(person);
    });

    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(16);
  });

  test('ends with the first failure', async () => {
    const streaming = streamEvents(eventsFile(500), () => Promise.reject(new Error('refused')));

    await expect(streaming).rejects.toThrow('refused');
  });
});
