import fc from 'fast-check';

import type { NewDeadLetter } from '../../../src/core/store/dead-letter.js';
import type { NewChunk, SettledEvents } from '../../../src/core/store/store.js';

export type Call =
  | { readonly type: 'append'; readonly chunks: readonly NewChunk[]; readonly letters: readonly NewDeadLetter[] }
  | {
      /** Where the lane is claimed when the call is made. */
      readonly type: 'settle';
      readonly lane: string;
      /** Choose from the events that are open when the call is made. */
      readonly picks: readonly number[];
      /** Settled as well, and nowhere. */
      readonly odd: SettledEvents;
      readonly letters: readonly NewDeadLetter[];
      readonly memo: string | undefined;
    };

/** Something that happens to a store; the calls of one step are made in one turn. */
export type Step =
  | { readonly type: 'calls'; readonly calls: readonly Call[] }
  | { readonly type: 'removeLetters'; readonly picks: readonly number[] }
  | { readonly type: 'requeue'; readonly pick: number; readonly chunk: NewChunk }
  | { readonly type: 'release'; readonly pick: number; readonly memo: string }
  | { readonly type: 'reopen'; readonly left: 'closed' | 'abandoned' };

/** Those that any store can have. */
export const commonLanes = ['us:1', 'us:2', '__proto__', 'constructor', '', 'é/\u{1f984}', 'x'.repeat(200)] as const;

const eventOf = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.integer({ min: 0, max: 20_000 }).map((length) => JSON.stringify('ü'.repeat(length))),
);
/** With all that JSON may say, such as U+0000. */
const textOf = fc.string({ unit: 'binary' });
const timeOf = fc.integer({ min: 0, max: 2e12 });

function chunkOf(lanes: readonly string[]): fc.Arbitrary<NewChunk> {
  const anyOf = fc.record({
    lane: fc.constantFrom(...lanes),
    connection: fc.constantFrom('web', '__proto__', ''),
    receivedAt: timeOf,
    events: fc.array(eventOf, { maxLength: 12 }),
  });
  // Of few ids, so that they repeat; whether an id that was stored in one lane repeats in another is left open.
  const idsOf = fc.option(fc.array(fc.constantFrom('', 'a', 'b', 'c', 'd\0'), { minLength: 12, maxLength: 12 }));
  return fc.tuple(anyOf, idsOf).map(([chunk, ids]) => {
    if (ids === null) return chunk;
    return { ...chunk, ids: chunk.events.map((_, index) => (ids[index] ? `${chunk.lane}/${ids[index]}` : '')) };
  });
}

/**
 * Of few origins, so that they repeat; an origin tells its lane. Which of two letters of an origin is the first is only
 * told of those that are written in one way, `by`: an append and a settling of one moment may be stored in any order.
 */
function letterOf(lanes: readonly string[], by: string): fc.Arbitrary<NewDeadLetter> {
  return fc
    .record({
      lane: fc.constantFrom(...lanes),
      connection: fc.constantFrom('web', 'app'),
      receivedAt: timeOf,
      rejectedAt: timeOf,
      reason: fc.constantFrom('expired', 'heap_rejected'),
      detail: textOf,
      attempts: fc.nat(2 ** 31 - 1),
      messageId: textOf,
      event: eventOf,
      delivered: fc.array(fc.constantFrom('0a', '1b', '2c'), { maxLength: 2 }),
      origin: fc.integer({ min: 0, max: 9 }).map((place) => `${by}/${place}/0`),
    })
    .map((letter) => ({ ...letter, origin: `${letter.lane}/${letter.origin}` }));
}

export function stepOf(lanes: readonly string[]): fc.Arbitrary<Step> {
  const appendOf = fc.record({
    type: fc.constant('append' as const),
    chunks: fc.array(chunkOf(lanes), { maxLength: 3 }),
    letters: fc.array(letterOf(lanes, 'a'), { maxLength: 2 }),
  });
  const settleIn = (lane: string): fc.Arbitrary<Call> =>
    fc.record({
      type: fc.constant('settle' as const),
      lane: fc.constant(lane),
      picks: fc.array(fc.nat(), { maxLength: 30 }),
      odd: fc.record({
        sequence: fc.constantFrom(-1, 0, 0.5, 1e15, NaN),
        indexes: fc.constantFrom([], [0], [-1, 1e9]),
      }),
      letters: fc.array(letterOf([lane], 's'), { maxLength: 2 }),
      memo: fc.option(fc.json(), { nil: undefined }),
    });
  const settleOf = fc.constantFrom(...lanes).chain(settleIn);
  const callsOf = fc.record({
    type: fc.constant('calls' as const),
    calls: fc.array(fc.oneof<fc.Arbitrary<Call>[]>(appendOf, settleOf), { minLength: 1, maxLength: 6 }),
  });
  const removeOf = fc.record({
    type: fc.constant('removeLetters' as const),
    picks: fc.array(fc.nat(), { maxLength: 3 }),
  });
  const requeueOf = fc.record({
    type: fc.constant('requeue' as const),
    pick: fc.nat(),
    chunk: chunkOf(lanes).map(({ ids: _ids, ...chunk }) => ({ ...chunk, events: [...chunk.events, '{}'] })),
  });
  const releaseOf = fc.record({ type: fc.constant('release' as const), pick: fc.nat(), memo: fc.json() });
  const reopenOf = fc.record({
    type: fc.constant('reopen' as const),
    left: fc.constantFrom('closed' as const, 'abandoned' as const),
  });
  return fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 6, arbitrary: callsOf },
    { weight: 1, arbitrary: removeOf },
    { weight: 1, arbitrary: requeueOf },
    { weight: 1, arbitrary: releaseOf },
    { weight: 1, arbitrary: reopenOf },
  );
}
