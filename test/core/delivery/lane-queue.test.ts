import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Operation } from '../../../src/core/batching/operation.js';
import { laneEntry, type LaneEntry } from '../../../src/core/delivery/lane-entry.js';
import { LaneQueue } from '../../../src/core/delivery/lane-queue.js';
import { Ticket } from '../../../src/core/delivery/ticket.js';
import { lane } from '../../support/operations.js';
import { settled } from '../../support/virtual-clock.js';
import { LaneQueueModel, stageOf, stages } from './lane-queue-model.js';

type Keys = Operation['keys'];

let numbers = 0;

function entryOf(kind: string, keys: Keys, acceptedAt = 0): LaneEntry {
  const text = String((numbers += 1));
  const operation: Operation = { lane, kind, text, bytes: text.length, keys };
  return laneEntry(operation, new Ticket(1), acceptedAt);
}

const identify = (user: string, identity: string): LaneEntry =>
  entryOf('identify', [`user ${user}`, `identity ${identity}`]);
const properties = (identity: string): LaneEntry => entryOf('properties', [`identity ${identity}`]);
const track = (identity: string): LaneEntry => entryOf('track', [`identity ${identity}`]);

/** A queue with these in it. */
function queueOf(...entries: readonly LaneEntry[]): LaneQueue {
  const queue = new LaneQueue(stageOf);
  for (const entry of entries) queue.add(entry);
  return queue;
}

/** Takes what may leave of one kind, as one request. */
function takeAll(queue: LaneQueue, kind: string): readonly LaneEntry[] {
  const taken: LaneEntry[] = [];
  for (let line = queue.nextReady(kind); line !== undefined; line = queue.nextReady(kind)) {
    const entries = queue.sendable(line, Infinity);
    queue.take(entries);
    taken.push(...entries);
  }
  return taken;
}

/** Entries are compared by their texts, which are all different: a fault is readable then. */
function textsOf(entries: readonly LaneEntry[]): string {
  return entries.map(({ operation: { kind, text } }) => `${kind} ${text}`).join(', ');
}

function settle(queue: LaneQueue, entries: readonly LaneEntry[]): void {
  for (const entry of entries) queue.remove(entry);
}

describe('the queue of a lane', () => {
  it('lets the writes of one key leave together, in their order, and nothing after them', () => {
    const [first, second, third] = [track('ann'), track('ann'), track('ann')];
    const queue = queueOf(first, second);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([first, second]));
    queue.add(third);
    expect(queue.readyOf('track')).toBeUndefined();
    queue.remove(first);
    expect(queue.readyOf('track')).toBeUndefined();
    queue.remove(second);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([third]));
  });

  it('lets a property write overtake the events before it, and no event the properties before it', () => {
    const [before, write, after] = [track('ann'), properties('ann'), track('ann')];
    const queue = queueOf(before, write, after);
    expect(textsOf(takeAll(queue, 'properties'))).toBe(textsOf([write]));
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([before]));
    settle(queue, [before]);
    expect(queue.readyOf('track')).toBeUndefined();
    settle(queue, [write]);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([after]));
  });

  it('has what is about the identity of a merge wait for it, and what is about its user_id', () => {
    const merge = identify('7', 'ann');
    const [byIdentity, byUserId] = [track('ann'), entryOf('track', ['user 7'])];
    const queue = queueOf(merge, byIdentity, byUserId, track('bob'));
    expect(takeAll(queue, 'track')).toHaveLength(1);
    expect(textsOf(takeAll(queue, 'identify'))).toBe(textsOf([merge]));
    settle(queue, [merge]);
    expect(new Set(takeAll(queue, 'track'))).toEqual(new Set([byIdentity, byUserId]));
  });

  it('keeps two merges that share either key in order', () => {
    const [first, sameUser, sameIdentity, other] = [
      identify('7', 'ann'),
      identify('7', 'bob'),
      identify('8', 'ann'),
      identify('9', 'eve'),
    ];
    const queue = queueOf(first, sameUser, sameIdentity, other);
    const line = queue.nextReady('identify');
    queue.take(line === undefined ? [] : queue.sendable(line, 1));
    expect(textsOf(queue.waiting())).toBe(textsOf([sameUser, sameIdentity, other]));
    expect(textsOf(takeAll(queue, 'identify'))).toBe(textsOf([other]));
    settle(queue, [first]);
    expect(textsOf(takeAll(queue, 'identify'))).toBe(textsOf([sameUser, sameIdentity]));
  });

  it('lets a repeat of a merge leave with the first, but not past another merge of its identity', () => {
    const [first, repeat] = [identify('7', 'ann'), identify('7', 'ann')];
    expect(textsOf(takeAll(queueOf(first, repeat), 'identify'))).toBe(textsOf([first, repeat]));
    const [one, between, again] = [identify('7', 'ann'), identify('8', 'ann'), identify('7', 'ann')];
    expect(textsOf(takeAll(queueOf(one, between, again), 'identify'))).toBe(textsOf([one]));
  });

  it('lets nothing go along that waits for what does not, though it stands as near the front under its other key', () => {
    const [front, other, along] = [identify('8', 'bob'), identify('7', 'ann'), identify('8', 'ann')];
    const queue = queueOf(front, other, along, identify('7', 'ann'));
    const line = queue.nextReady('identify');
    expect(textsOf(line === undefined ? [] : queue.sendable(line, 9))).toBe(textsOf([front]));
  });

  it('lets nothing go along that waits for a lower stage under its other key', () => {
    const [front, merge, along] = [
      entryOf('properties', ['identity bob', 'identity ann']),
      identify('7', 'ann'),
      entryOf('properties', ['identity bob', 'identity ann']),
    ];
    expect(textsOf(takeAll(queueOf(front, merge, along), 'properties'))).toBe(textsOf([front]));
  });

  it('does not take a merge that waits for another one because the one before it was given up', () => {
    const [given, waiting, first] = [identify('7', 'ann'), identify('7', 'bob'), identify('8', 'bob')];
    const queue = queueOf(given, first, waiting);
    queue.remove(given);
    expect(textsOf(takeAll(queue, 'identify'))).toBe(textsOf([first]));
  });

  it('has its operations stand where they stood when they come back, and the others go first', () => {
    const [ann1, ann2, bob] = [track('ann'), track('ann'), track('bob')];
    const queue = queueOf(ann1, ann2, bob);
    const line = queue.nextReady('track');
    queue.take(line === undefined ? [] : queue.sendable(line, 9));
    for (const entry of [ann1, ann2]) queue.giveBack(entry);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([bob, ann1, ann2]));
  });

  it('gives a line that was put back the next turn', () => {
    const [ann, bob] = [track('ann'), track('bob')];
    const queue = queueOf(ann, bob);
    const line = queue.nextReady('track');
    if (line !== undefined) queue.putBack(line);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([ann, bob]));
  });

  it('lets a line that used up its limit wait, the others go on, and the line again when its time has come', () => {
    const [ann, bob, eve] = [track('ann'), track('bob'), track('eve')];
    const queue = queueOf(ann, bob, eve);
    for (const until of [70, 50]) {
      const line = queue.nextReady('track');
      if (line !== undefined) queue.limit(line, until);
    }
    expect([queue.limited, queue.wake(49)]).toEqual([2, 50]);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([eve]));
    expect([queue.wake(50), queue.limited]).toEqual([70, 1]);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([bob]));
    expect([queue.wake(100), queue.limited]).toEqual([undefined, 0]);
    expect(textsOf(takeAll(queue, 'track'))).toBe(textsOf([ann]));
  });

  it('names its kinds, the lowest stage first, whatever came first', () => {
    expect(queueOf(track('ann'), properties('ann'), identify('7', 'ann')).kinds).toEqual([
      'identify',
      'properties',
      'track',
    ]);
  });

  it('has nothing ready of a kind whose ready operations were all given up', () => {
    const [ann, bob] = [entryOf('track', ['identity ann'], 5), entryOf('track', ['identity bob'], 9)];
    const queue = queueOf(ann);
    queue.remove(ann);
    expect(queue.readyOf('track')).toBeUndefined();
    queue.add(bob);
    expect(queue.readyOf('track')).toEqual({ operations: 1, bytes: bob.operation.bytes, since: 9 });
  });

  it('keeps nothing of what is settled', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const queue = new LaneQueue(stageOf);
    const remains: WeakRef<LaneEntry>[] = [];
    // In a function of its own, so that no variable here keeps one.
    (() => {
      const entries = Array.from({ length: 900 }, (_unused, index) =>
        index % 3 === 0 ? identify(String(index % 7), String(index % 11)) : track(String(index % 5)),
      );
      for (const entry of entries) {
        queue.add(entry);
        remains.push(new WeakRef(entry));
      }
      const line = queue.nextReady('track');
      if (line !== undefined) queue.limit(line, 10);
      takeAll(queue, 'identify');
      takeAll(queue, 'track');
      settle(queue, entries);
    })();
    expect([queue.size, queue.limited, queue.oldest]).toEqual([0, 0, undefined]);
    for (const kind of queue.kinds) expect(queue.readyOf(kind)).toBeUndefined();
    await settled();
    collect();
    expect(remains.filter((each) => each.deref() !== undefined)).toHaveLength(0);
  });
});

/** What a random walk does next; the numbers choose among what there is. */
interface Step {
  readonly type: 'add' | 'send' | 'putBack' | 'limit' | 'answer' | 'giveUp' | 'wake';
  readonly choose: number;
  readonly count: number;
  readonly subjects: readonly number[];
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  type: fc.constantFrom('add', 'add', 'send', 'send', 'send', 'answer', 'answer', 'putBack', 'limit', 'giveUp', 'wake'),
  choose: fc.nat(1_000),
  count: fc.nat(6),
  subjects: fc.array(fc.nat(11), { minLength: 1, maxLength: 4 }),
});

/** The kind and the keys of an operation. */
type Subject = readonly [kind: string, keys: Keys];

/** As Heap's operations have them: whose key comes first is always a user_id, of which no other kind of stage 0 is. */
const heapSubjects: readonly Subject[] = [
  ...['7', '8'].flatMap((user) =>
    ['ann', 'bob'].map((identity): Subject => ['identify', [`user ${user}`, `identity ${identity}`]]),
  ),
  ...['ann', 'bob'].flatMap((identity): Subject[] => [
    ['properties', [`identity ${identity}`]],
    ['track', [`identity ${identity}`]],
  ]),
  ['account', ['account acme']],
  ['track', ['user 7']],
];

/** Whatever the order of the keys, and however many. */
const anySubjects: readonly Subject[] = [
  ['identify', ['a', 'b']],
  ['identify', ['b', 'a']],
  ['identify', ['b', 'c']],
  ['identify', ['c', 'a', 'b']],
  ['identify', ['c']],
  ['properties', ['b', 'c']],
  ['properties', ['c']],
  ['track', ['a']],
  ['track', ['c', 'a']],
];

/** Takes the steps with a queue and with the model; throws where they differ. */
function walk(subjects: readonly Subject[], steps: readonly Step[]): void {
  const queue = new LaneQueue(stageOf);
  const model = new LaneQueueModel();
  const requests: (readonly LaneEntry[])[] = [];
  const kinds = Object.keys(stages);
  let now = 0;

  const takeTurn = ({ type, choose, count }: Step): void => {
    const kind = kinds[choose % kinds.length] ?? '';
    const line = queue.nextReady(kind);
    same(line !== undefined, model.ready(kind).length > 0);
    if (line === undefined) return;
    const entries = queue.sendable(line, count + 1);
    const [front] = entries;
    same(
      model.ready(kind).find((entry) => entry === front),
      line.entries.front,
    );
    same(model.faultOf(entries), undefined);
    if (type === 'putBack') queue.putBack(line);
    else if (type === 'limit' && front !== undefined) {
      queue.limit(line, now + count);
      model.limit(front, now + count);
    } else {
      queue.take(entries);
      model.take(entries);
      requests.push(entries);
    }
  };

  const answer = ({ choose, count }: Step): void => {
    const request = requests.splice(choose % Math.max(1, requests.length), 1)[0] ?? [];
    for (const entry of request.slice(0, count)) {
      queue.remove(entry);
      model.remove(entry);
    }
    const rest = request.slice(count);
    if (choose % 2 === 0 && rest.length > 0) {
      requests.push(rest);
      return;
    }
    for (const entry of rest) {
      queue.giveBack(entry);
      model.giveBack(entry);
    }
  };

  const take = (step: Step): void => {
    switch (step.type) {
      case 'add': {
        for (const number of step.subjects) {
          const [kind, keys] = subjects[number % subjects.length] ?? ['track', ['a']];
          const entry = entryOf(kind, keys, now);
          queue.add(entry);
          model.add(entry);
        }
        return;
      }
      case 'send':
      case 'putBack':
      case 'limit':
        takeTurn(step);
        return;
      case 'answer':
        answer(step);
        return;
      case 'giveUp': {
        const entry = model.waiting[step.choose % Math.max(1, model.size)];
        if (entry === undefined) return;
        queue.remove(entry);
        model.remove(entry);
        return;
      }
      case 'wake':
        now += step.count;
        queue.wake(now);
        model.wake(now);
        return;
    }
  };

  const compare = (): void => {
    same(queue.size, model.size);
    same(queue.oldest, model.oldest);
    same(textsOf(queue.waiting()), textsOf(model.waiting));
    for (const kind of kinds) {
      const ready = model.ready(kind);
      const told = queue.readyOf(kind);
      same(told !== undefined, ready.length > 0);
      if (told === undefined) continue;
      const waiting = model.waiting.filter(({ operation }) => operation.kind === kind);
      same(
        ready.some(({ acceptedAt }) => acceptedAt === told.since),
        true,
      );
      same(told.operations >= ready.length && told.operations <= waiting.length, true);
      same(told.bytes >= bytesOf(ready) && told.bytes <= bytesOf(waiting), true);
    }
    const isQuiet = model.inFlight.length === 0 && !model.hasLimits;
    if (isQuiet && model.size > 0)
      same(
        kinds.some((kind) => queue.readyOf(kind) !== undefined),
        true,
      );
  };

  for (const step of steps) {
    take(step);
    compare();
  }

  // To the end: everything can leave, in an order that the model allows.
  queue.wake(Infinity);
  model.wake(Infinity);
  for (const request of requests) {
    settle(queue, request);
    for (const entry of request) model.remove(entry);
  }
  for (let left = model.size; left > 0; left = model.size) {
    for (const kind of kinds) {
      const entries = takeAll(queue, kind);
      model.take(entries);
      settle(queue, entries);
      for (const entry of entries) model.remove(entry);
    }
    compare();
    same(model.size < left, true);
  }
}

/** As `toBe`, which takes far longer: the walks compare thousands of times. */
function same(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) expect(actual).toBe(expected);
}

function bytesOf(entries: readonly LaneEntry[]): number {
  return entries.reduce((sum, { operation }) => sum + operation.bytes, 0);
}

describe('whatever comes, goes, comes back and is given up', () => {
  const manySteps = fc.array(anyStep, { maxLength: 60, size: 'max' });

  it('what may leave is what the order rule says, and nothing is ever stuck', () => {
    fc.assert(
      fc.property(manySteps, (steps) => {
        walk(heapSubjects, steps);
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  it('so it is with keys in any order', () => {
    fc.assert(
      fc.property(manySteps, (steps) => {
        walk(anySubjects, steps);
      }),
      { numRuns: 500 },
    );
  }, 60_000);
});
