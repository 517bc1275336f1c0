import { measureDuring, type Measures } from './measures.js';
import type { ScenarioRun } from './run-scenario.js';
import type { Band, Expectations } from './scenario.js';

/** @returns what is outside of its band, in words. */
export function judge(run: ScenarioRun, measures: Measures): readonly string[] {
  const { expect } = run.scenario;
  return [
    ...judgeOutcomes(expect, measures),
    ...judgeNumbers(expect, measures),
    ...judgeLatencies(expect, measures),
    ...judgeStates(expect, measures),
    ...(expect.during ?? []).flatMap((during) => {
      const { from, until, group } = during;
      const seen = measureDuring(run, during);
      const what = `from ${from} s until ${until} s${group === undefined ? '' : `, ${group}`}`;
      return [
        ...outside(`requests ${what}`, seen.requests, during.requests),
        ...outside(`rejected ${what}`, seen.rejected, during.rejected),
        ...outside(`stored ${what}`, seen.stored, during.stored),
        ...outside(`share of the app limit ${what}`, seen.appShare, during.appShare),
        ...outside(`share of the user limit ${what}`, seen.hotShare, during.hotShare),
      ];
    }),
  ];
}

function outside(what: string, value: number, band: Band | undefined): readonly string[] {
  if (band === undefined || (value >= band[0] && value <= band[1])) return [];
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(4);
  return [`${what}: ${shown}, expected ${band[0]} to ${band[1]}`];
}

const none: Band = [0, 0];

function judgeOutcomes(expect: Expectations, measures: Measures): readonly string[] {
  const { rejected = {}, abandoned = none, queued = none, delivered, accepted = [1, Infinity] } = expect;
  const reasons = new Set([...Object.keys(rejected), ...Object.keys(measures.rejected)]);
  const bands: Readonly<Record<string, Band>> = rejected;
  const others = [...reasons].reduce((sum, reason) => sum + (measures.rejected[reason] ?? 0), 0);
  const rest = measures.accepted - others - measures.abandoned - measures.queued;
  const pattern = new RegExp(expect.deadLetters ?? '', 'u');
  return [
    ...outside('accepted', measures.accepted, accepted),
    // Nothing is ever unaccounted for, whatever the band says.
    ...outside('delivered', measures.delivered, [rest, rest]),
    ...outside('delivered', measures.delivered, delivered),
    ...[...reasons].flatMap((reason) =>
      outside(`rejected as ${reason}`, measures.rejected[reason] ?? 0, bands[reason] ?? none),
    ),
    ...measures.deadLetters.filter((detail) => !pattern.test(detail)).map((detail) => `a dead letter says: ${detail}`),
    ...outside('abandoned', measures.abandoned, abandoned),
    ...outside('queued', measures.queued, queued),
    ...outside('remaining', measures.remaining ?? 0, expect.remaining),
  ];
}

function judgeNumbers(expect: Expectations, measures: Measures): readonly string[] {
  return [
    ...outside('duplicates', measures.duplicates, expect.duplicates),
    ...outside('requests', measures.requests, expect.requests),
    ...outside('answers 429', measures.throttled, expect.throttled ?? none),
    ...outside('share of retries', measures.retryShare, expect.retryShare),
    ...outside('fullest minute of an app', measures.peakAppShare, expect.peakAppShare),
    ...outside('fullest minute of a user', measures.peakIdentityShare, expect.peakIdentityShare),
    ...outside('fullest window of property writes', measures.peakUserPropertiesShare, expect.peakUserPropertiesShare),
    ...outside('seconds to recover', measures.recoverySeconds, expect.recoverySeconds),
    ...outside('requests in flight', measures.maxInFlight, expect.maxInFlight),
    ...outside('requests in flight of a lane', measures.maxInFlightPerLane, expect.maxInFlightPerLane),
  ];
}

function judgeLatencies(expect: Expectations, measures: Measures): readonly string[] {
  return Object.entries(expect.latency ?? {}).flatMap(([group, { p50, p99 }]) => [
    ...outside(`p50 of ${group}`, measures.latency[group]?.p50 ?? Infinity, p50),
    ...outside(`p99 of ${group}`, measures.latency[group]?.p99 ?? Infinity, p99),
  ]);
}

function judgeStates(expect: Expectations, measures: Measures): readonly string[] {
  const host = (expect.hostStates ?? [])
    .filter((state) => !measures.hostStatesSeen.includes(state))
    .map((state) => `the host was never ${state}`);
  const lanes = Object.entries(expect.states ?? {}).flatMap(([group, { final, seen = [], never = [] }]) => {
    const [ends, all] = [measures.finalStates[group] ?? [], measures.statesSeen[group] ?? []];
    return [
      ...(final === undefined ? [] : ends.filter((state) => !final.includes(state))).map(
        (state) => `${group} ends ${state}`,
      ),
      ...seen.filter((state) => !all.includes(state)).map((state) => `${group} was never ${state}`),
      ...never.filter((state) => all.includes(state)).map((state) => `${group} was ${state}`),
    ];
  });
  return [...host, ...lanes];
}

/** The same with Heap in health beside it: what the others' trouble cost a group. */
export function judgeComparison(expect: Expectations, troubled: Measures, healthy: Measures): readonly string[] {
  return Object.entries(expect.comparedToHealthy ?? {}).flatMap(([group, band]) => {
    const [there, here] = [healthy.latency[group]?.p99 ?? 0, troubled.latency[group]?.p99 ?? Infinity];
    return outside(`p99 of ${group} is ${here} s beside ${there} s in health, a ratio`, here / there, band);
  });
}
