import { setTimeout as delay } from 'node:timers/promises';

import { cpuMs } from '../rudderstack/process-usage.js';
import { mostMemory, processMemory, type ProcessMemory } from './process-memory.js';
import type { ServeProcess } from './serve-process.js';

export interface Drain {
  readonly eventsPerSecond: number;
  readonly cpuUsPerEvent: number;
  readonly events: number;
  readonly seconds: number;
  /** Until the first event was gone from the store. */
  readonly firstAfterMs: number;
  readonly peak: ProcessMemory;
}

const pollMs = 200;
const patienceMs = 90_000;

/** Looks on while a service that Heap answers again empties its store, for so long or until it is empty. */
export async function observeDrain(serve: ServeProcess, forMs: number): Promise<Drain> {
  const watchedAt = performance.now();
  const all = await serve.storedEvents();
  let peak = processMemory(serve.processId);
  let first: { readonly at: number; readonly events: number; readonly cpu: number } | undefined;
  for (;;) {
    await delay(pollMs);
    peak = mostMemory(peak, processMemory(serve.processId));
    const at = performance.now();
    const events = await serve.storedEvents();
    if (events < all) first ??= { at, events, cpu: cpuMs([serve.processId]) };
    if (first === undefined) {
      if (at > watchedAt + patienceMs) throw new Error(`nothing is delivered: ${serve.lastOutput()}`);
      continue;
    }
    if (events > 0 && at < first.at + forMs) continue;
    const drained = first.events - events;
    const seconds = (at - first.at) / 1_000;
    return {
      eventsPerSecond: drained / seconds,
      cpuUsPerEvent: ((cpuMs([serve.processId]) - first.cpu) * 1_000) / drained,
      events: drained,
      seconds,
      firstAfterMs: first.at - watchedAt,
      peak,
    };
  }
}
