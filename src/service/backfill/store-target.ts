import type { Clock } from '../../core/clock.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import { backOffMs } from '../../core/delivery/back-off.js';
import { acceptEvents } from '../../core/durable/accept-events.js';
import { StoredBacklog, type BacklogBounds } from '../../core/durable/stored-backlog.js';
import { StoreBroken } from '../../core/store/store-broken.js';
import { StoreFull } from '../../core/store/store-full.js';
import { StoreUnavailable } from '../../core/store/store-unavailable.js';
import type { AppendedChunk, NewChunk, Store } from '../../core/store/store.js';
import { BackfillStopped } from './backfill-stopped.js';
import type { BackfillTarget, TargetOutcome } from './backfill-target.js';
import { OrderedBatches } from './ordered-batches.js';
import { patience } from './patience.js';
import type { HistoryEvent } from './prepare-line.js';

export interface StoreTargetOptions {
  readonly store: Store;
  readonly connection: CompiledConnection;
  /** What may wait in the store before the backfill waits. */
  readonly bounds: BacklogBounds;
  /** Whether somebody else empties the store meanwhile; if not, there is no use in waiting for room. */
  readonly isEmptiedMeanwhile: boolean;
  readonly storesIds: boolean;
  readonly maxEventLength: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Waits end when it is aborted. */
  readonly signal: AbortSignal;
}

interface Item {
  readonly event: HistoryEvent;
  readonly onSettled: (outcome: TargetOutcome) => void;
}

/** Events of a chunk; a chunk is a commit, and what a sender of the lane reads at once. */
const chunkBounds = { maxItems: 500, maxBytes: 1024 * 1024 };
const roomMs = 1_000;

/** Appends to the store, in the order of the file; whoever is the lane's sender delivers. It claims no lane. */
export class StoreTarget implements BackfillTarget {
  readonly #batches: OrderedBatches<Item>;
  readonly #backlog: StoredBacklog;
  #refreshedAt = -Infinity;
  #waitingFor: string | undefined;

  constructor(private readonly options: StoreTargetOptions) {
    this.#backlog = new StoredBacklog(options.bounds);
    this.#batches = new OrderedBatches(chunkBounds, (items) => this.#send(items));
  }

  get waitingFor(): string | undefined {
    return this.#waitingFor;
  }

  put(event: HistoryEvent, bytes: number, onSettled: Item['onSettled']): Promise<void> | undefined {
    return this.#batches.add({ event, onSettled }, bytes);
  }

  flush(): Promise<void> {
    return this.#batches.flush();
  }

  async stop(): Promise<void> {
    await this.#batches.idle();
    await this.options.store.close().catch(() => undefined);
  }

  async #send(items: readonly Item[]): Promise<void> {
    const { connection, clock, maxEventLength, storesIds } = this.options;
    const now = clock.now();
    const events = items.map(({ event: { value } }) => ({ value }));
    // Repeats within the chunk are told here, those of earlier chunks by the store.
    const accepted = acceptEvents(events, connection, { now, maxEventLength, isKnown: () => false });
    const chunk: NewChunk = {
      ...{ lane: connection.lane.key, connection: connection.id, receivedAt: now, events: accepted.texts },
      ...(storesIds && { ids: accepted.ids }),
    };
    const { repeats } = await this.#append(chunk);
    this.#backlog.add(chunk.lane, chunk.events.length - repeats.length, lengthOf(chunk.events));
    const repeated = new Set(repeats);
    const stored = new Set(accepted.values.filter((_, index) => !repeated.has(index)));
    items.forEach(({ event, onSettled }, index) => {
      const result = accepted.results[index];
      if (result?.outcome === 'rejected' && result.reason !== undefined) {
        onSettled({ type: 'rejected', reason: result.reason, detail: result.message ?? '' } as TargetOutcome);
      } else {
        onSettled({ type: stored.has(event.value) ? 'taken' : 'repeat' });
      }
    });
  }

  /** Until it is on disk. */
  async #append(chunk: NewChunk): Promise<AppendedChunk> {
    const { store, clock, random, signal } = this.options;
    const startedAt = clock.monotonic();
    for (let failures = 0; ; failures += 1) {
      await this.#room(chunk.lane);
      try {
        const [appended] = await store.append([chunk]);
        this.#waitingFor = undefined;
        return appended ?? { sequence: -1, repeats: [] };
      } catch (error) {
        if (error instanceof StoreFull) {
          await this.#waitForRoom();
        } else if (error instanceof StoreUnavailable && clock.monotonic() - startedAt < patience.giveUpMs) {
          this.#waitingFor = 'the store can not be reached';
          await clock.sleep(backOffMs(patience, failures, random()), signal);
        } else if (error instanceof StoreUnavailable || error instanceof StoreBroken) {
          throw new BackfillStopped(`the store: ${error.message}`);
        } else {
          throw error;
        }
      }
    }
  }

  /** Resolves when the lane has room, as the store said lately. */
  async #room(lane: string): Promise<void> {
    const { store, clock, signal } = this.options;
    for (;;) {
      if (signal.aborted) throw new BackfillStopped('it was interrupted');
      if (clock.monotonic() - this.#refreshedAt >= roomMs) {
        this.#refreshedAt = clock.monotonic();
        // What is known of the room may be old for a while; an append that fails is told all the same.
        await this.#backlog.refresh(store).catch(() => undefined);
      }
      if (this.#backlog.hasRoom(lane)) return;
      await this.#waitForRoom();
    }
  }

  async #waitForRoom(): Promise<void> {
    const { isEmptiedMeanwhile, clock, signal } = this.options;
    if (!isEmptiedMeanwhile) {
      throw new BackfillStopped(
        'as much waits in the store as a backfill may put there; start the service, which delivers it, and go on later or with --door',
      );
    }
    this.#waitingFor = 'as much waits in the store as a backfill may put there';
    await clock.sleep(roomMs, signal);
  }
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
