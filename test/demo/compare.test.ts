import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

import { compare, type Received } from '../../demo/compare.js';
import type { Expectation } from '../../demo/expectation.js';
import { expectedFacts, expectationOf } from '../../demo/generator/expect.js';
import { tellStory } from '../../demo/generator/story.js';
import type { HeapFacts } from '../../demo/heap-facts.js';
import { parseMetrics } from '../../demo/read-metrics.js';

const story = tellStory();
const expected = expectationOf(story);
const known = expectedFacts(story);
const web = '9000000101';

/** A run in which everything went as it should. */
function flawlessRun(): Received {
  const refusals = Object.values(expected.refused);
  const rejected = Object.entries(expected.refused).filter(([, { outcome }]) => outcome === 'rejected');
  const refused = Object.fromEntries(rejected.slice(0, 3).map(([id, { reason }]) => [id, reason]));
  const accepted = expected.events - Object.keys(refused).length;
  const stored = Object.values(expected.apps).reduce((sum, { heap }) => sum + heap.tracks.count, 0);
  const operations = (kind: 'track' | 'addUserProperties' | 'addAccountProperties' | 'identify'): number =>
    Object.values(expected.apps).reduce((sum, app) => sum + app.operations[kind], 0);
  return {
    answers: {
      events: expected.events,
      accepted,
      rejected: Object.keys(refused).length,
      refused,
    },
    letters: rejected.map(([messageId, { reason }]) => ({ messageId, reason, connection: 'web' })),
    repeatedRequests: 0,
    heap: known,
    stats: {
      requests: { '/api/track': { '200': 9 }, '/api/v1/identify': { '200': 4 } },
      items: { track: stored, userProperties: 1, accountProperties: 1 },
      duplicates: 0,
      reservedKeysIgnored: 0,
      identifyDropped: { otherIdentity: 0, tooManyUserIds: 0 },
    },
    metrics: parseMetrics(
      [
        `heap_destination_events_received_total{type="track"} ${expected.events}`,
        `heap_destination_events_stored_total ${accepted - expected.repeats}`,
        `heap_destination_event_repeats_total ${expected.repeats}`,
        `heap_destination_event_outcomes_total{outcome="delivered",reason=""} ${expected.delivered}`,
        ...refusals.map(
          ({ outcome, reason }) => `heap_destination_event_outcomes_total{outcome="${outcome}",reason="${reason}"} 1`,
        ),
        ...Object.entries(expected.adjustments).map(
          ([reason, count]) => `heap_destination_event_adjustments_total{reason="${reason}"} ${count}`,
        ),
        ...(['track', 'addUserProperties', 'addAccountProperties', 'identify'] as const).map(
          (kind) => `heap_destination_operations_total{kind="${kind}"} ${operations(kind)}`,
        ),
        'heap_destination_heap_requests_total{kind="track",status_class="2xx"} 9',
        'heap_destination_heap_requests_total{kind="identify",status_class="2xx"} 4',
      ].join('\n'),
    ),
  };
}

/** The web app's facts, changed. */
function withWeb(change: (facts: HeapFacts) => Partial<HeapFacts>): Received {
  const facts = known.get(web);
  if (facts === undefined) throw new Error('the story has no web app');
  return { ...flawlessRun(), heap: new Map([...known, [web, { ...facts, ...change(facts) }]]) };
}

/** What differs, each with the lines that say how. */
function differences(received: Received): Record<string, readonly string[]> {
  return Object.fromEntries(compare(expected, received, known).map(({ what, lines }) => [what, lines]));
}

describe('comparing a run with the expectation', () => {
  test('finds nothing in a flawless run', () => {
    expect(compare(expected, flawlessRun(), known)).toEqual([]);
  });

  test('takes the committed expectation for the same as the generated one', () => {
    const file = readFileSync(new URL('../../demo/expected.json', import.meta.url), 'utf8');

    expect(compare(JSON.parse(file) as Expectation, flawlessRun())).toEqual([]);
  });

  test('does not mind the order in which Heap lists things', () => {
    const received = withWeb(({ tracks, users }) => ({ tracks: tracks.toReversed(), users: users.toReversed() }));

    expect(differences(received)).toEqual({});
  });

  test('sees a missing event, and names it', () => {
    const received = withWeb(({ tracks }) => ({ tracks: tracks.slice(1) }));

    expect(differences(received)).toEqual({
      [`tracks of ${web} (web) at Heap`]: [`- ${known.get(web)?.tracks[0] ?? ''}`],
    });
  });

  test('sees a doubled event, and names it', () => {
    const received = withWeb(({ idempotencyKeys }) => ({
      idempotencyKeys: [...idempotencyKeys, ...idempotencyKeys.slice(0, 1)],
    }));

    expect(differences(received)).toEqual({
      [`idempotencyKeys of ${web} (web) at Heap`]: [`+ ${known.get(web)?.idempotencyKeys[0] ?? ''}`],
    });
  });

  test('sees a property with a wrong value, of an event or of a user', () => {
    const inEvent = withWeb(({ tracks }) => ({
      tracks: tracks.map((line) => line.replace('"name":"Boards"', '"name":"boards"')),
    }));
    const inUser = withWeb(({ users }) => ({
      users: users.map((line, index) => (index === 3 ? line.replace(/"plan":"\w+"/, '"plan":"gratis"') : line)),
    }));

    expect(Object.keys(differences(inEvent))).toEqual([`tracks of ${web} (web) at Heap`]);
    expect(differences(inUser)).toEqual({
      [`users of ${web} (web) at Heap`]: [expect.stringMatching(/^[-+] /), expect.stringMatching(/^[-+] /)],
    });
  });

  test('sees a merge that went to somebody else', () => {
    const received = withWeb(({ merges }) => ({ merges: ['1 "usr_0001"', ...merges.slice(1)] }));

    expect(Object.keys(differences(received))).toEqual([`merges of ${web} (web) at Heap`]);
  });

  test('shows a few lines and counts the rest when much differs', () => {
    const [difference] = compare(
      expected,
      withWeb(() => ({ tracks: [] })),
      known,
    );

    expect(difference?.lines).toHaveLength(7);
    expect(difference?.lines.at(-1)).toMatch(/^… and \d+ more$/);
  });

  test('sees an app_id of which Heap knows nothing', () => {
    const received = { ...flawlessRun(), heap: new Map([...known].slice(1)) };

    expect(Object.keys(differences(received))).toEqual([`facts of ${web} (web) at Heap`]);
  });

  test('sees an event that was rejected at once and should not be, or for another reason', () => {
    const run = flawlessRun();
    const refused = { 'broken-type-missing-2': 'type_unsupported', 'good-1': 'type_missing' };
    const answers = { ...run.answers, accepted: expected.events - 2, rejected: 2, refused };
    const metrics = run.metrics.map((sample) =>
      sample.name === 'heap_destination_events_stored_total' ? { ...sample, value: sample.value + 1 } : sample,
    );

    expect(Object.keys(differences({ ...run, answers, metrics })).sort()).toEqual([
      'answer to broken-type-missing-2',
      'answer to good-1',
    ]);
  });

  test('sees an answer in which an event is neither accepted nor rejected', () => {
    const run = flawlessRun();
    const answers = { ...run.answers, accepted: run.answers.accepted - 1 };

    expect(Object.keys(differences({ ...run, answers }))).toEqual([
      'events accepted or rejected at once',
      'metric: events stored',
    ]);
  });

  test('sees a dead letter for another reason, a missing, an additional and a doubled one', () => {
    const run = flawlessRun();
    const letters = [
      ...run.letters.filter(({ messageId }) => !messageId.startsWith('broken-type-missing-')),
      { messageId: 'broken-type-missing-2', reason: 'type_unsupported', connection: 'web' },
      { messageId: 'good-1', reason: 'heap_rejected', connection: 'web' },
    ];

    expect(Object.keys(differences({ ...run, letters })).sort()).toEqual([
      'dead letter of broken-type-missing-1',
      'dead letter of broken-type-missing-2',
      'dead letter of good-1',
    ]);
    expect(Object.keys(differences({ ...run, letters: [...run.letters, ...run.letters.slice(0, 1)] }))).toEqual([
      'dead letters',
    ]);
  });

  test('sees an event that was dropped for another reason', () => {
    const run = flawlessRun();
    const metrics = run.metrics.map((sample) =>
      sample.labels.reason === 'anonymous_traits_unsupported'
        ? { ...sample, labels: { ...sample.labels, reason: 'nothing_to_send' } }
        : sample,
    );

    expect(Object.keys(differences({ ...run, metrics }))).toEqual([
      'metric: outcomes by reason: anonymous_traits_unsupported',
      'metric: outcomes by reason: nothing_to_send',
    ]);
  });

  test('sees a repeat that was not known', () => {
    const run = flawlessRun();
    const metrics = run.metrics.map((sample) =>
      sample.name === 'heap_destination_event_repeats_total' ? { ...sample, value: sample.value - 1 } : sample,
    );

    expect(Object.keys(differences({ ...run, metrics }))).toEqual(['metric: repeats']);
  });

  test('sees what Heap ignores without a word', () => {
    const run = flawlessRun();
    const stats = { ...run.stats, reservedKeysIgnored: 1, identifyDropped: { otherIdentity: 2, tooManyUserIds: 0 } };

    expect(Object.keys(differences({ ...run, stats }))).toEqual([
      'reserved keys that Heap ignored',
      'identify calls that Heap ignored: otherIdentity',
    ]);
  });

  test('sees requests that Heap refused, and those that the service did not count', () => {
    const run = flawlessRun();
    const requests = { ...run.stats.requests, '/api/track': { '200': 9, '400': 1 } };

    expect(Object.keys(differences({ ...run, stats: { ...run.stats, requests } }))).toEqual([
      'requests to /api/track answered 400',
      'requests to Heap, by its own count and by the service’s: track',
    ]);
  });

  test('sees a counter of the service that is off by one', () => {
    const run = flawlessRun();
    const metrics = run.metrics.map((sample) =>
      sample.labels.kind === 'identify' && sample.name === 'heap_destination_operations_total'
        ? { ...sample, value: sample.value + 1 }
        : sample,
    );

    expect(Object.keys(differences({ ...run, metrics }))).toEqual(['metric: operations: identify']);
  });

  test('leaves the counters of events alone when requests had to be sent again', () => {
    const run = flawlessRun();
    const metrics = run.metrics.map((sample) =>
      sample.name === 'heap_destination_events_received_total' ? { ...sample, value: sample.value + 50 } : sample,
    );

    expect(differences({ ...run, metrics })).not.toEqual({});
    expect(differences({ ...run, metrics, repeatedRequests: 1 })).toEqual({});
  });
});
