import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { DurableObserver } from '../durable/durable-observer.js';

/** What a scrape asks of the store. It is known already: a store that hangs must not hold up a scrape. */
export interface StoreState {
  readonly events: number;
  readonly bytes: number;
  /** Seconds since the oldest was received; 0 when there is none. */
  readonly oldestAgeSeconds: number;
  /** Lanes that this process sends. */
  readonly lanes: number;
  readonly letters: number;
  readonly letterBytes: number;
}

export interface StoreMetrics {
  readonly observer: Omit<
    DurableObserver,
    'onReceived' | 'onTransformed' | 'onFault' | 'onOperation' | 'onOutcome' | 'onAdjustment'
  >;
  readonly onLettersRemoved: (letters: number) => void;
}

/** Metrics of a service with a store. */
export function addStoreMetrics(state: () => StoreState, registry: Registry): StoreMetrics {
  const registers = [registry];
  const stored = new Counter({
    name: 'heap_destination_events_stored_total',
    help: 'Events that were put into the store and confirmed to their senders.',
    registers,
  });
  const repeats = new Counter({
    name: 'heap_destination_event_repeats_total',
    help: 'Events that were not stored because an event with the same messageId had been.',
    registers,
  });
  const appendSeconds = new Histogram({
    name: 'heap_destination_store_append_duration_seconds',
    help: 'Time until the events of one request were on disk.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const errors = new Counter({
    name: 'heap_destination_store_errors_total',
    help: 'Calls of the store that failed and are tried again.',
    registers,
  });
  const transfers = new Counter({
    name: 'heap_destination_lane_transfers_total',
    help: 'Lanes that this process became the sender of (claimed), gave back (released), or lost to another one.',
    labelNames: ['cause'] as const,
    registers,
  });
  const stopped = new Counter({
    name: 'heap_destination_lanes_stopped_total',
    help: 'Lanes that stand still for a fault of the store until the process is started anew.',
    registers,
  });
  const removed = new Counter({
    name: 'heap_destination_dead_letters_removed_total',
    help: 'Dead letters that were removed because they were too old, or too many.',
    registers,
  });
  for (const cause of ['claimed', 'released', 'lost']) transfers.inc({ cause }, 0);
  const gauge = (name: string, help: string, read: (now: StoreState) => number): void => {
    new Gauge({
      name: `heap_destination_${name}`,
      help,
      registers,
      collect() {
        this.set(read(state()));
      },
    });
  };
  gauge('stored_events', 'Events that wait in the store, of all lanes and processes.', ({ events }) => events);
  gauge('stored_bytes', 'Bytes of the events that wait in the store.', ({ bytes }) => bytes);
  gauge(
    'stored_oldest_age_seconds',
    'Age of the oldest event that waits in the store; 0 when there is none.',
    (now) => now.oldestAgeSeconds,
  );
  gauge('lanes_owned', 'Lanes that this process is the sender of.', ({ lanes }) => lanes);
  gauge('dead_letters', 'Dead letters that are kept.', ({ letters }) => letters);
  gauge('dead_letter_bytes', 'Bytes of the dead letters that are kept.', ({ letterBytes }) => letterBytes);

  return {
    onLettersRemoved: (letters) => {
      removed.inc(letters);
    },
    observer: {
      onStored: (events, seconds) => {
        stored.inc(events);
        appendSeconds.observe(seconds);
      },
      onRepeats: (events) => {
        repeats.inc(events);
      },
      onClaimed: () => {
        transfers.inc({ cause: 'claimed' });
      },
      onReleased: (_lane, cause) => {
        transfers.inc({ cause });
      },
      onStoreTrouble: () => {
        errors.inc();
      },
      onLaneStopped: () => {
        stopped.inc();
      },
    },
  };
}
