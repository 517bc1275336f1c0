import type { LaneState } from '../../../src/core/delivery/lane-snapshot.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import type { RejectionReason } from '../../../src/core/reasons.js';
import type { FaultAction, FaultMatch } from '../../../src/destinations/heap/simulator/fault-rule.js';
import type { PartialSimulatorOptions } from '../../../src/destinations/heap/simulator/simulator-options.js';

/** At least, at most. */
export type Band = readonly [min: number, max: number];

/** What an event becomes; `signUp` is one event with three writes: an identify, a property write and a track. */
export const eventKinds = ['track', 'addUserProperties', 'identify', 'account', 'signUp'] as const;

export type EventKind = (typeof eventKinds)[number];

/**
 * What happens to delivery, and what must come of it. Times are seconds from the start of the run. The whole format is
 * in scenario-schema.ts; a key that it does not know is an error.
 */
export interface Scenario {
  /** A sentence; the name of the test. */
  readonly name: string;
  /** What would go wrong without it. */
  readonly why: string;
  readonly seed: number;
  /** How long events arrive and actions happen. */
  readonly seconds: number;
  /** How long to wait afterwards until everything is settled. */
  readonly drainSeconds?: number;
  /** Laid over scenario-policy.ts. */
  readonly policy?: JsonObject;
  /** Operations that the router takes before it has no room; whoever finds none comes back every second. */
  readonly maxBacklog?: number;
  readonly arrivals: readonly Arrivals[];
  readonly heap?: readonly HeapFault[];
  readonly simulator?: PartialSimulatorOptions;
  /** From us to Heap and back; a request takes effect half-way. */
  readonly roundTripMs?: number;
  readonly actions?: readonly Action[];
  readonly expect: Expectations;
}

/** Events of a group of lanes. Groups of the same name share their lanes. */
export interface Arrivals {
  readonly group: string;
  readonly lanes: number;
  /** Users per lane. */
  readonly identities: number;
  /** Events per lane and second, at random moments. */
  readonly perSecond?: number;
  /** Or so many events per lane, all at `from`. */
  readonly burst?: number;
  readonly from?: number;
  readonly until?: number;
  /** Relative shares; tracks only by default. */
  readonly mix?: Readonly<Partial<Record<EventKind, number>>>;
  /** The share of a lane's events that one user of it has. */
  readonly hot?: number;
  /** Events that Heap refuses: each n-th of the group, or by chance. */
  readonly poison?: { readonly every: number } | { readonly share: number };
  /** Of one event; properties fill it up. */
  readonly bytes?: number;
}

/** A fault of the simulator, for some time. */
export interface HeapFault {
  readonly from: number;
  readonly until: number;
  /** Within that time: on, off, on, … */
  readonly flapping?: { readonly onSeconds: number; readonly offSeconds: number };
  /** Only the lanes of this group; the first so many of them. */
  readonly group?: string;
  readonly lanes?: number;
  readonly match?: FaultMatch;
  readonly action: FaultAction;
}

export type Action =
  /** The process is killed and comes back after `seconds`; senders repeat what was not settled. */
  | { readonly at: number; readonly do: 'restart'; readonly seconds?: number }
  /** The service closes; nothing is taken from then on. */
  | { readonly at: number; readonly do: 'stop'; readonly deadlineSeconds: number }
  /** The time of day is set on, or back. */
  | { readonly at: number; readonly do: 'jumpClock'; readonly seconds: number }
  | { readonly at: number; readonly do: 'resume'; readonly group: string };

/** Events and what became of them: absent bands of what goes wrong mean that nothing of it may happen. */
export interface Expectations {
  /** Events that arrived. */
  readonly accepted?: Band;
  /** All that were accepted, when absent. */
  readonly delivered?: Band;
  /** A reason that is not named must not occur. */
  readonly rejected?: Readonly<Partial<Record<RejectionReason, Band>>>;
  /** Matches what every dead letter says. */
  readonly deadLetters?: string;
  readonly abandoned?: Band;
  /** Not settled at the end. */
  readonly queued?: Band;
  /** Operations that a closing router says it leaves behind. */
  readonly remaining?: Band;
  /** Tracks that Heap got again although it had them. */
  readonly duplicates?: Band;
  readonly requests?: Band;
  /** Answers 429; none when absent. */
  readonly throttled?: Band;
  /** Of all requests, those that carry something whose last attempt failed. */
  readonly retryShare?: Band;
  /** In stretches of time. */
  readonly during?: readonly During[];
  /** The fullest minute of an app at Heap, as a share of its limit for bulk tracks. */
  readonly peakAppShare?: Band;
  readonly peakIdentityShare?: Band;
  /** The fullest window of a user's property writes, as a share of their limit. */
  readonly peakUserPropertiesShare?: Band;
  /** By group: seconds from acceptance to delivery. A group's hot users are `group.hot`, and not among the others. */
  readonly latency?: Readonly<Record<string, LatencyBands>>;
  /** From the end of the last fault until everything that was accepted before it is settled. */
  readonly recoverySeconds?: Band;
  /** Requests under way at once. */
  readonly maxInFlight?: Band;
  readonly maxInFlightPerLane?: Band;
  /** By group. */
  readonly states?: Readonly<Record<string, LaneStates>>;
  /** Of the host's circuit breaker. */
  readonly hostStates?: readonly string[];
  /** The same again with Heap in health: how much longer a group's slowest hundredth may take here. */
  readonly comparedToHealthy?: Readonly<Record<string, Band>>;
}

export interface During {
  readonly from: number;
  readonly until: number;
  readonly group?: string;
  /** That were sent. */
  readonly requests?: Band;
  /** Tracks that Heap took, as a share of what the limit per app allows the group's lanes. */
  readonly appShare?: Band;
  /** Tracks that Heap took from each lane's hot user, as a share of what the limit per user allows. */
  readonly hotShare?: Band;
  /** Tracks that Heap took for the first time. */
  readonly stored?: Band;
  /** Events that were given up. */
  readonly rejected?: Band;
}

export interface LatencyBands {
  readonly p50?: Band;
  readonly p99?: Band;
}

export interface LaneStates {
  /** Each lane of the group ends in one of these. */
  readonly final?: readonly LaneState[];
  /** Each of these was seen in some lane of the group. */
  readonly seen?: readonly LaneState[];
  readonly never?: readonly LaneState[];
}
