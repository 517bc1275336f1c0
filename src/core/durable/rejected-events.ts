import type { Clock } from '../clock.js';
import type { Json } from '../json/json.js';
import type { NewDeadLetter } from '../store/dead-letter.js';
import type { Chunk, ClaimedLane } from '../store/store.js';
import { messageIdOf } from './accept-events.js';
import type { FedEvent, Rejection } from './fed-event.js';
import { mayBeRepeated } from './settlements.js';
import { decodeStoredEvent, operationFingerprint } from './stored-event.js';

export interface RejectedEventsOptions {
  readonly lane: ClaimedLane;
  readonly clock: Clock;
  readonly isStopped: () => boolean;
  readonly onTrouble: (error: unknown) => void;
}

const readAgainMs = 1_000;

/**
 * Makes dead letters of rejected events. What the destination rejected is read again: keeping the text of every event in
 * memory, for the few that are rejected, would double what one takes. A chunk is read once for those of its events that
 * are rejected together.
 */
export class RejectedEvents {
  #latest: { readonly sequence: number; readonly chunk: Promise<Chunk | undefined> } | undefined;

  constructor(private readonly options: RejectedEventsOptions) {}

  /** Undefined where the event is not in the store any more: a damaged record was set aside, and was reported. */
  async letterOf(event: FedEvent, { reason, detail, delivered = [] }: Rejection): Promise<NewDeadLetter | undefined> {
    const { sequence, index, connection, receivedAt } = event.facts;
    const rejectedAt = this.options.clock.now();
    const stored = event.text ?? (await this.#textOf(sequence, index));
    if (stored === undefined) return undefined;
    const { event: text, delivered: before } = decodeStoredEvent(stored);
    return {
      lane: this.options.lane.lane,
      connection,
      receivedAt,
      rejectedAt,
      reason,
      detail,
      attempts: event.attempts,
      messageId: messageIdOf(parseStored(text)),
      event: text,
      delivered: [...before, ...delivered.map(operationFingerprint)],
      origin: `${this.options.lane.lane}/${sequence}/${index}`,
    };
  }

  async #textOf(sequence: number, index: number): Promise<string | undefined> {
    if (this.#latest?.sequence !== sequence) this.#latest = { sequence, chunk: this.#read(sequence) };
    const chunk = await this.#latest.chunk;
    return chunk?.events.find((each) => each.index === index)?.text;
  }

  async #read(sequence: number): Promise<Chunk | undefined> {
    const { lane, clock, isStopped, onTrouble } = this.options;
    for (;;) {
      try {
        const [chunk] = await lane.read(sequence, 1);
        return chunk?.sequence === sequence ? chunk : undefined;
      } catch (error) {
        if (!mayBeRepeated(error)) throw error;
        // It stays open, and whoever sends the lane next has it rejected again.
        if (isStopped()) return undefined;
        onTrouble(error);
        await clock.sleep(readAgainMs);
      }
    }
  }
}

/** What is no JSON, which the door never stores, is rejected as no event, instead of stopping the lane. */
export function parseStored(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
