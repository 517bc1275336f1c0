import type { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import type { SimulatedReply } from '../../../../src/destinations/heap/simulator/simulated-reply.js';

/** Noon of an ordinary day: where virtual time starts. */
export const noon = Date.UTC(2026, 2, 10, 12);
export const appId = '9000000101';

/** Posts JSON, in process and in virtual time. */
export function post(heap: SimulatedHeap, path: string, body: unknown, now = noon): SimulatedReply {
  return heap.handle({ method: 'POST', path, body: JSON.stringify(body) }, now);
}

/** Posts one event of alice's, changed by `fields`; a field set to undefined is left out. */
export function track(heap: SimulatedHeap, fields: Record<string, unknown> = {}, now = noon): SimulatedReply {
  return post(heap, '/api/track', { app_id: appId, identity: 'alice', event: 'Signed Up', ...fields }, now);
}

/** Asks one of the simulator's own questions and parses the answer. */
export function ask(heap: SimulatedHeap, path: string, query = `app_id=${appId}`, now = noon): unknown {
  const reply = heap.handle({ method: 'GET', path: `/_simulator/${path}`, query: new URLSearchParams(query) }, now);
  return JSON.parse(reply.body);
}

/** `count` events of one user. */
export function eventsOf(identity: string, count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, index) => ({ identity, event: `Event ${index}` }));
}
