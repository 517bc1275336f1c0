/**
 * What the other benchmarks measured, rounded, in microseconds of CPU: Node 20.20, two shared cores, events of 1.4 KB.
 * A request costs what it costs for itself, and each of its events.
 */
export const measured = {
  /** Data port and store: `npm run bench:ingest`, from its rows with 1 and with 100 events per request. */
  door: {
    lmdb: { perRequestUs: 490, perEventUs: 70 },
    postgres: { perRequestUs: 660, perEventUs: 66 },
  },
  /** From the store to Heap, settled: `npm run bench:e2e` at 100 events per request, less the door. */
  delivery: {
    lmdb: { perEventUs: 75 },
    postgres: { perEventUs: 110 },
  },
  /** The database's own: `npm run bench:ingest`, and of `npm run bench:e2e` what is more than that. */
  database: { perRequestUs: 125, perEventUs: 21, deliveryPerEventUs: 10 },
  /** `npm run bench:e2e`: appended and settled. */
  walBytesPerEvent: 145,
} as const;

/** What no benchmark of ours says. */
export const assumed = {
  /** Of a core, which is what one process uses; the rest is for peaks, and for the garbage collector's. */
  usableShare: 0.7,
  /** Heap's limit for an app, in any minute: https://developers.heap.io/reference/bulk-track */
  heapEventsPerMinute: 15_000,
  /** Requests that sources have under way at once; each waits for a commit. */
  requestsAtOnce: 64,
  /** LMDB on a local disk whose sync takes half a millisecond: two a commit, and the writing. */
  lmdbCommitMs: 2,
  /** PostgreSQL in the same data centre. */
  postgresCommitMs: 4,
  /** Bytes of events that may wait in all, and in a lane (`store.maxBytes`, `store.maxBytesPerLane`), and of one event. */
  maxBytes: 16 * 2 ** 30,
  maxBytesPerLane: 8 * 2 ** 30,
  bytesPerEvent: 1_400,
} as const;
