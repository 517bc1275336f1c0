import type { NewDeadLetter } from '../../../src/core/store/dead-letter.js';
import type { NewChunk } from '../../../src/core/store/store.js';

export function chunk(lane: string, events: readonly string[], receivedAt = 1_000): NewChunk {
  return { lane, connection: 'web', receivedAt, events };
}

/** A chunk whose events are known by ids. */
export function knownChunk(lane: string, ids: readonly string[], connection = 'web'): NewChunk {
  return { lane, connection, receivedAt: 1_000, events: ids.map((id) => JSON.stringify({ id })), ids };
}

export function letter(origin: string, changed: Partial<NewDeadLetter> = {}): NewDeadLetter {
  const place = { lane: 'us:1', connection: 'web', receivedAt: 1_000, rejectedAt: 2_000, messageId: 'm1' };
  const why = { reason: 'heap_rejected', detail: 'no', attempts: 1 };
  return { ...place, ...why, event: '{}', delivered: [], origin, ...changed };
}
