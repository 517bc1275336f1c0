import type { LaneTarget } from '../../../src/core/batching/operation.js';
import type { FaultRule } from '../../../src/destinations/heap/simulator/fault-rule.js';
import type { HeapFault } from './scenario.js';

/** The rules that hold from then on. */
export interface FaultPhase {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly rules: readonly FaultRule[];
}

/** When which faults hold, in order. Rules that count (`after`, `times`) begin to count anew in each phase. */
export function faultSchedule(
  faults: readonly HeapFault[],
  lanes: ReadonlyMap<string, readonly LaneTarget[]>,
): readonly FaultPhase[] {
  const stretches = faults.flatMap((fault) => {
    const rules = rulesOf(fault, lanes);
    return stretchesOf(fault).map(([from, until]) => ({ from: from * 1_000, until: until * 1_000, rules }));
  });
  const moments = [...new Set(stretches.flatMap(({ from, until }) => [from, until]))].sort((a, b) => a - b);
  return moments.map((at) => ({
    at,
    rules: stretches.filter(({ from, until }) => from <= at && at < until).flatMap(({ rules }) => rules),
  }));
}

/** Seconds from the start until the last fault is over; 0 without any. */
export function lastFaultEnds(faults: readonly HeapFault[]): number {
  return Math.max(0, ...faults.flatMap(stretchesOf).map(([, until]) => until));
}

function stretchesOf({ from, until, flapping }: HeapFault): readonly (readonly [from: number, until: number])[] {
  if (flapping === undefined) return [[from, until]];
  const { onSeconds, offSeconds } = flapping;
  const stretches: [number, number][] = [];
  for (let at = from; at < until; at += onSeconds + offSeconds) stretches.push([at, Math.min(until, at + onSeconds)]);
  return stretches;
}

function rulesOf(
  { group, lanes: most = Infinity, match = {}, action }: HeapFault,
  lanes: ReadonlyMap<string, readonly LaneTarget[]>,
): readonly FaultRule[] {
  if (group === undefined) return [{ match, action }];
  return (lanes.get(group) ?? []).slice(0, most).map(({ appId }) => ({ match: { ...match, appId }, action }));
}
