import type { HostSnapshot, LaneSnapshot } from '../../src/core/delivery/lane-snapshot.js';

/** A lane that has nothing to do, but for what is given. */
export function laneSnapshot(fields: Partial<LaneSnapshot> = {}): LaneSnapshot {
  return {
    key: 'us:11',
    region: 'us',
    appId: '11',
    state: 'idle',
    breaker: 'closed',
    backlog: 0,
    backlogBytes: 0,
    oldestAgeMs: 0,
    inFlight: 0,
    allowance: {},
    limitedIdentities: 0,
    nextAttemptMs: null,
    failures: 0,
    maxItems: 1_000,
    isSlow: false,
    searches: 0,
    lastError: null,
    paused: null,
    ...fields,
  };
}

/** A host that nobody uses, but for what is given. */
export function hostSnapshot(fields: Partial<HostSnapshot> = {}): HostSnapshot {
  return {
    host: 'heap.test',
    breaker: 'closed',
    concurrency: 16,
    inFlight: 0,
    slow: 0,
    waitingLanes: 0,
    retryTokens: 20,
    latencyMs: 0,
    ...fields,
  };
}
