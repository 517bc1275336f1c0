import { createHash } from 'node:crypto';

import type { Operation } from '../batching/operation.js';

export interface StoredEvent {
  /** The JSON text of the event. */
  readonly event: string;
  /** Fingerprints of operations that were delivered before the event became a dead letter. */
  readonly delivered: readonly string[];
}

/**
 * The text of an event as the store keeps it: its JSON, and before it, where the event comes back from the dead letters
 * and part of it had been delivered, a line with the fingerprints of that part. The JSON of an event begins with a brace,
 * that line does not.
 */
export function encodeStoredEvent(event: string, delivered: readonly string[] = []): string {
  return delivered.length === 0 ? event : `${delivered.join(' ')}\n${event}`;
}

export function decodeStoredEvent(text: string): StoredEvent {
  if (text.startsWith('{')) return { event: text, delivered: [] };
  const end = text.indexOf('\n');
  return end === -1
    ? { event: text, delivered: [] }
    : { event: text.slice(end + 1), delivered: text.slice(0, end).split(' ') };
}

/** Equal for operations that write the same to the same lane. */
export function operationFingerprint({ lane, kind, text }: Operation): string {
  return createHash('sha256').update(`${lane.key} ${kind} ${text}`).digest('hex').slice(0, 24);
}
