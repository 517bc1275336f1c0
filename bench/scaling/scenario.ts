/** A load, and what is there to carry it. */
export interface Scenario {
  readonly name: string;
  readonly eventsPerSecond: number;
  readonly apps: number;
  /** Of all events, those of the busiest app; the others share the rest evenly. */
  readonly busiestShare: number;
  readonly eventsPerRequest: number;
  readonly replicas: number;
  readonly store: { readonly type: 'lmdb' } | { readonly type: 'postgres'; readonly cores: number };
  /** Heap does not answer for so long from the start. */
  readonly awaySeconds: number;
}

const base = { apps: 1, busiestShare: 0, eventsPerRequest: 100, replicas: 1, awaySeconds: 0 } as const;
const lmdb = { type: 'lmdb' } as const;
const postgres = (cores: number): Scenario['store'] => ({ type: 'postgres', cores });
const several = { ...base, replicas: 2, store: postgres(2) } as const;
const oneByOne = { ...several, eventsPerSecond: 2_000, apps: 50, eventsPerRequest: 1 } as const;
const large = { ...base, eventsPerSecond: 200_000, apps: 3_000, replicas: 80 } as const;

/** The table of docs/scaling.md. */
export const scenarios: readonly Scenario[] = [
  { ...base, name: 'one app', eventsPerSecond: 200, store: lmdb },
  { ...base, name: 'one app above its limit', eventsPerSecond: 400, store: lmdb },
  { ...base, name: 'an agency', eventsPerSecond: 2_000, apps: 50, store: lmdb },
  { ...base, name: 'the same, one by one', eventsPerSecond: 2_000, apps: 50, eventsPerRequest: 1, store: lmdb },
  { ...oneByOne, name: 'the same, on two replicas', replicas: 2 },
  { ...oneByOne, name: 'the same, on three', replicas: 3 },
  { ...several, name: 'Heap away for an hour', eventsPerSecond: 2_000, apps: 20, awaySeconds: 3_600 },
  { ...several, name: 'a busy customer of many', eventsPerSecond: 5_000, apps: 200, busiestShare: 0.1 },
  { ...several, name: 'a platform', eventsPerSecond: 20_000, apps: 500, replicas: 5 },
  { ...several, name: 'the same with replicas enough', eventsPerSecond: 20_000, apps: 500, replicas: 8 },
  { ...large, name: 'a large platform, one database', store: postgres(8) },
  { ...large, name: 'the same, four databases', store: postgres(32) },
];
