import { compareCounts, compareListing, compareValues, type Difference } from './difference.js';
import type { AppExpectation, Expectation, Refusal } from './expectation.js';
import { countEach, listingNames, type HeapFacts } from './heap-facts.js';
import { operationKinds, requestsByKind } from './heap-requests.js';
import { sumBy, sumOf, type Sample } from './read-metrics.js';
import type { Letter } from './read-dead-letters.js';
import type { SimulatorStats } from './read-simulator.js';
import type { Answers } from './tally.js';

/** Everything that the run told about itself. */
export interface Received {
  readonly answers: Answers;
  /** Requests that the service had asked to send again. */
  readonly repeatedRequests: number;
  /** By app_id. */
  readonly heap: ReadonlyMap<string, HeapFacts>;
  readonly stats: SimulatorStats;
  readonly letters: readonly Letter[];
  /** As they have grown since before the first event. */
  readonly metrics: readonly Sample[];
}

/**
 * Holds a run against the expectation: the service's answers, its dead letters, its metrics, and what the simulated Heap
 * holds in the end. Exact, in every number and every digest.
 *
 * @param known the facts behind the expectation's digests, by app_id; they only make a difference readable.
 * @returns nothing when all is as it should be.
 */
export function compare(
  expected: Expectation,
  received: Received,
  known?: ReadonlyMap<string, HeapFacts>,
): readonly Difference[] {
  return [
    ...compareAnswers(expected, received.answers),
    ...compareLetters(expected, received.letters),
    ...Object.entries(expected.apps).flatMap(([appId, app]) =>
      compareHeap(appId, app, received.heap.get(appId), known?.get(appId)),
    ),
    ...compareStats(expected, received),
    ...compareMetrics(expected, received),
  ];
}

/** What is accepted is told nothing more; what is rejected at once is rejected as it should be. */
function compareAnswers(expected: Expectation, { events, accepted, rejected, refused }: Answers): Difference[] {
  const ids = Object.keys(refused);
  return [
    ...compareValues('events answered', expected.events, events),
    ...compareValues('events accepted or rejected at once', expected.events, accepted + rejected),
    ...compareValues('events rejected at once, by their count and by their results', rejected, ids.length),
    ...ids.flatMap((id) =>
      compareValues(`answer to ${id}`, shownRefusal(expected.refused[id]), `rejected, ${refused[id] ?? ''}`),
    ),
  ];
}

/** Everything that is rejected, at once or later, is kept as one dead letter, and nothing else is. */
function compareLetters(expected: Expectation, letters: readonly Letter[]): Difference[] {
  const rejected = new Map(
    Object.entries(expected.refused).flatMap(([id, { outcome, reason }]) =>
      outcome === 'rejected' ? [[id, reason] as const] : [],
    ),
  );
  const kept = new Map(letters.map(({ messageId, reason }) => [messageId, reason]));
  const ids = new Set([...rejected.keys(), ...kept.keys()]);
  return [
    ...compareValues('dead letters', rejected.size, letters.length),
    ...[...ids].flatMap((id) =>
      compareValues(`dead letter of ${id}`, rejected.get(id) ?? 'none', kept.get(id) ?? 'none'),
    ),
  ];
}

function shownRefusal(refusal: Refusal | undefined): string {
  return refusal === undefined ? 'accepted' : `${refusal.outcome}, ${refusal.reason}`;
}

function compareHeap(
  appId: string,
  { connection, heap: expected }: AppExpectation,
  received: HeapFacts | undefined,
  known: HeapFacts | undefined,
): Difference[] {
  const of = (what: string): string => `${what} of ${appId} (${connection}) at Heap`;
  if (received === undefined) return compareValues(of('facts'), 'some', 'none');
  return [
    ...listingNames.flatMap((name) => compareListing(of(name), expected[name], received[name], known?.[name])),
    ...compareCounts(of('events by name'), expected.tracksByName, received.tracksByName),
    ...compareValues(of('identities'), expected.identities, received.identities),
    ...compareValues(of('anonymous users'), expected.anonymousUsers, received.anonymousUsers),
  ];
}

/** Heap answers 200 even where it ignores something: its counters tell. */
function compareStats(expected: Expectation, { stats, metrics }: Received): Difference[] {
  const refusals = Object.entries(stats.requests).flatMap(([path, byStatus]) =>
    Object.entries(byStatus).flatMap(([status, count]) =>
      status === '200' ? [] : compareValues(`requests to ${path} answered ${status}`, 0, count),
    ),
  );
  const stored = Object.values(expected.apps).reduce((sum, { heap }) => sum + heap.tracks.count, 0);
  return [
    ...refusals,
    ...compareValues('events stored by Heap', stored, stats.items.track),
    ...compareValues('reserved keys that Heap ignored', 0, stats.reservedKeysIgnored),
    ...compareCounts('identify calls that Heap ignored', {}, stats.identifyDropped),
    ...compareCounts(
      'requests to Heap, by its own count and by the service’s',
      withoutZeros(requestsByKind(stats)),
      sumBy(metrics, 'heap_destination_heap_requests_total', 'kind'),
    ),
  ];
}

function compareMetrics(expected: Expectation, { answers, repeatedRequests, stats, metrics }: Received): Difference[] {
  // What was sent twice is counted twice, rightly; how often that was is up to the machine.
  if (repeatedRequests > 0) return [];
  const refusals = Object.values(expected.refused);
  return [
    ...compareValues(
      'metric: events received',
      expected.events,
      sumOf(metrics, 'heap_destination_events_received_total'),
    ),
    ...compareValues(
      'metric: events stored',
      answers.accepted - expected.repeats,
      sumOf(metrics, 'heap_destination_events_stored_total'),
    ),
    ...compareValues('metric: repeats', expected.repeats, sumOf(metrics, 'heap_destination_event_repeats_total')),
    ...compareCounts(
      'metric: outcomes',
      { delivered: expected.delivered, ...countEach(refusals.map(({ outcome }) => outcome)) },
      sumBy(metrics, 'heap_destination_event_outcomes_total', 'outcome'),
    ),
    ...compareCounts(
      'metric: outcomes by reason',
      { '': expected.delivered, ...countEach(refusals.map(({ reason }) => reason)) },
      sumBy(metrics, 'heap_destination_event_outcomes_total', 'reason'),
    ),
    ...compareCounts(
      'metric: adjustments',
      expected.adjustments,
      sumBy(metrics, 'heap_destination_event_adjustments_total', 'reason'),
    ),
    ...compareCounts(
      'metric: operations',
      expectedOperations(expected),
      sumBy(metrics, 'heap_destination_operations_total', 'kind'),
    ),
    // The service knows them itself: none of them reaches Heap a second time.
    ...compareValues('repeats that reached Heap', 0, stats.duplicates),
  ];
}

function expectedOperations({ apps }: Expectation): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { operations } of Object.values(apps)) {
    for (const kind of operationKinds) sums[kind] = (sums[kind] ?? 0) + operations[kind];
  }
  return sums;
}

function withoutZeros(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
