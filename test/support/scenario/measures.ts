import type { LaneState } from '../../../src/core/delivery/lane-snapshot.js';
import { hotPart, lanesOf } from './arrivals.js';
import { lastFaultEnds } from './fault-schedule.js';
import type { ScenarioRun } from './run-scenario.js';
import type { ScenarioEvent } from './scenario-event.js';
import type { During } from './scenario.js';

/** What is left of a run when it is over: everything that an expectation can be about. */
export interface Measures {
  readonly accepted: number;
  readonly delivered: number;
  /** By reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** What dead letters say, each once. */
  readonly deadLetters: readonly string[];
  readonly abandoned: number;
  readonly queued: number;
  readonly remaining: number | undefined;
  readonly duplicates: number;
  readonly requests: number;
  readonly throttled: number;
  readonly retryShare: number;
  readonly peakAppShare: number;
  readonly peakIdentityShare: number;
  readonly peakUserPropertiesShare: number;
  /** By group, seconds; hot users are a group of their own. */
  readonly latency: Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;
  readonly recoverySeconds: number;
  readonly maxInFlight: number;
  readonly maxInFlightPerLane: number;
  /** By group. */
  readonly finalStates: Readonly<Record<string, readonly LaneState[]>>;
  readonly statesSeen: Readonly<Record<string, readonly LaneState[]>>;
  readonly hostStatesSeen: readonly string[];
}

export interface DuringMeasures {
  readonly requests: number;
  readonly stored: number;
  readonly rejected: number;
  readonly appShare: number;
  readonly hotShare: number;
}

export function measure(run: ScenarioRun): Measures {
  const { senders, requests, witness, network, heap } = run;
  const { peaks } = witness;
  const outcomes = senders.events.map(({ outcome }) => outcome);
  const rejections = outcomes.filter((outcome) => outcome?.type === 'rejected');
  return {
    accepted: outcomes.length,
    delivered: outcomes.filter((outcome) => outcome?.type === 'delivered').length,
    rejected: countBy(rejections.map(({ reason }) => reason)),
    deadLetters: [...new Set(rejections.map(({ detail }) => detail))],
    abandoned: outcomes.filter((outcome) => outcome?.type === 'abandoned').length,
    queued: outcomes.filter((outcome) => outcome === undefined).length,
    remaining: run.remaining,
    duplicates: heap.statistics().duplicates,
    requests: requests.requests.length,
    throttled: requests.throttled,
    retryShare: requests.requests.filter(({ isRetry }) => isRetry).length / Math.max(1, requests.requests.length),
    peakAppShare: peaks.app,
    peakIdentityShare: peaks.identity,
    peakUserPropertiesShare: peaks.userProperties,
    latency: latencies(senders.events),
    recoverySeconds: recoverySeconds(run),
    maxInFlight: network.inFlight.most,
    maxInFlightPerLane: network.inFlight.mostPerLane,
    finalStates: finalStates(run),
    statesSeen: Object.fromEntries([...run.statesSeen].map(([group, states]) => [group, [...states]])),
    hostStatesSeen: [...run.hostStatesSeen],
  };
}

export function measureDuring(run: ScenarioRun, { from, until, group }: During): DuringMeasures {
  const isWithin = (entry: { readonly at: number; readonly group: string }): boolean =>
    entry.at >= from * 1_000 && entry.at < until * 1_000 && (group === undefined || entry.group === group);
  const stored = run.witness.stored.filter(isWithin);
  const rejected = run.senders.events.filter(
    ({ arrival, outcome, settledAt = -1 }) =>
      outcome?.type === 'rejected' && isWithin({ at: settledAt, group: arrival.group }),
  );
  const count = stored.reduce((sum, entry) => sum + entry.count, 0);
  const hot = stored.reduce((sum, entry) => sum + entry.hot, 0);
  const { bulkTrackPerApp, bulkTrackPerIdentity } = run.simulator.limits;
  const lanes = [...lanesOf(run.scenario)].filter(([name]) => group === undefined || name === group);
  const laneMs = (until - from) * 1_000 * lanes.reduce((sum, [, all]) => sum + all.length, 0);
  const shareOf = (limit: typeof bulkTrackPerApp, items: number): number =>
    limit === null ? 0 : items / ((limit.max / limit.windowMs) * laneMs);
  return {
    requests: run.requests.requests.filter(isWithin).length,
    stored: count,
    rejected: rejected.length,
    appShare: shareOf(bulkTrackPerApp, count),
    hotShare: shareOf(bulkTrackPerIdentity, hot),
  };
}

function countBy(texts: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

function latencies(events: readonly ScenarioEvent[]): Measures['latency'] {
  const byGroup = new Map<string, number[]>();
  for (const { arrival, outcome, acceptedAt, settledAt } of events) {
    if (outcome?.type !== 'delivered' || settledAt === undefined) continue;
    const group = arrival.isHot ? hotPart(arrival.group) : arrival.group;
    const all = byGroup.get(group);
    const seconds = (settledAt - acceptedAt) / 1_000;
    if (all === undefined) byGroup.set(group, [seconds]);
    else all.push(seconds);
  }
  return Object.fromEntries(
    [...byGroup].map(([group, all]) => {
      all.sort((a, b) => a - b);
      return [group, { p50: quantile(all, 0.5), p99: quantile(all, 0.99) }];
    }),
  );
}

/** The value that the given share of all is at most as large as. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** Infinity when something that was accepted during the faults was never settled. */
function recoverySeconds({ scenario, senders }: ScenarioRun): number {
  const endsAt = lastFaultEnds(scenario.heap ?? []) * 1_000;
  let last = endsAt;
  for (const { acceptedAt, settledAt = Infinity } of senders.events) {
    if (acceptedAt <= endsAt) last = Math.max(last, settledAt);
  }
  return (last - endsAt) / 1_000;
}

function finalStates(run: ScenarioRun): Measures['finalStates'] {
  const byGroup = new Map<string, Set<LaneState>>();
  for (const { appId, state } of run.snapshot().lanes) {
    const group = run.groupOf(appId);
    const states = byGroup.get(group);
    if (states === undefined) byGroup.set(group, new Set([state]));
    else states.add(state);
  }
  return Object.fromEntries([...byGroup].map(([group, states]) => [group, [...states]]));
}
