import { afterEach, describe, expect, it } from '@jest/globals';

import { createUserDeletion, type UserDeletion } from '../../../../src/destinations/heap/deletion/delete-users.js';
import {
  credentials,
  inVirtualTime,
  manyUsers,
  requestPath,
  startRig,
  statusPath,
  tokenPath,
  unaborted,
  until,
  type DeletionRig,
} from './deletion-rig.js';

let rig: DeletionRig | undefined;

async function start(...options: Parameters<typeof startRig>): Promise<DeletionRig> {
  rig = await startRig(...options);
  return rig;
}

afterEach(async () => {
  expect(rig?.clock.sleeping).toBe(0);
  await rig?.close();
});

function remove(deletion: UserDeletion, identities: readonly string[], jobId = '1', signal = unaborted) {
  return deletion.remove({ credentials, identities, jobId }, signal);
}

const pending = {
  type: 'pending',
  detail: 'Heap has taken the deletion and not finished it yet, which may take hours',
};
const hours = 3_600_000;

describe('a deletion of users', () => {
  it('is complete when Heap says so, and then the users are gone and the others are not', async () => {
    const { clock, newDeletion, track, users, calls } = await start({ deletionDelayMs: 10_000 });
    track('ann', 'bob', 'cleo');
    const startedAt = clock.now();
    const outcome = inVirtualTime(clock, remove(newDeletion(), ['ann', 'cleo', 'nobody']));
    await until(() => clock.sleeping > 0);
    expect(users()).toEqual(['ann', 'bob', 'cleo']);
    expect(await outcome).toEqual({ type: 'complete' });
    expect(users()).toEqual(['bob']);
    expect(clock.now() - startedAt).toBe(10_000);
    expect(calls()).toEqual({ token: 1, request: 1, status: 6 });
  });

  it('that takes longer is pending after 20 seconds', async () => {
    const { clock, newDeletion, track, users, calls } = await start({ deletionDelayMs: 4 * hours });
    track('ann');
    const startedAt = clock.now();
    expect(await inVirtualTime(clock, remove(newDeletion(), ['ann']))).toEqual(pending);
    expect(clock.now() - startedAt).toBe(20_000);
    expect(calls()).toEqual({ token: 1, request: 1, status: 11 });
    expect(users()).toEqual(['ann']);
  });

  it('looks once where it is not to wait', async () => {
    const { client, clock, calls } = await start();
    const deletion = createUserDeletion({ client, clock, waitMs: 0 });
    expect(await remove(deletion, ['ann'])).toEqual(pending);
    expect(calls()).toEqual({ token: 1, request: 1, status: 1 });
  });

  it('of 25,000 users is three requests, each user in one of them', async () => {
    const { clock, newDeletion, track, users, simulator } = await start();
    const all = manyUsers(25_000);
    track(...all, 'somebody else');
    expect(users()).toHaveLength(25_001);
    expect(await inVirtualTime(clock, remove(newDeletion(), [...all, ...all]))).toEqual({ type: 'complete' });
    expect(users()).toEqual(['somebody else']);
    expect(simulator.heap.statistics().requests[requestPath]).toEqual({ '201': 3 });
  });

  it('names each user once', async () => {
    const { clock, newDeletion, calls } = await start();
    const twice = [...manyUsers(10_000), ...manyUsers(10_000)];
    expect(await inVirtualTime(clock, remove(newDeletion(), twice))).toEqual({ type: 'complete' });
    expect(calls().request).toBe(1);
  });

  it('gets a new token when the first one has expired', async () => {
    const { client, clock, calls } = await start({ deletionDelayMs: 400_000 });
    const deletion = createUserDeletion({ client, clock, waitMs: 500_000, pollMs: 100_000 });
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual({ type: 'complete' });
    expect(calls().token).toBe(2);
  });

  it('gives up on a token that is refused when it is new', async () => {
    const { newDeletion, faults, calls } = await start();
    faults({ match: { path: requestPath }, action: { status: 401 } });
    expect(await remove(newDeletion(), ['ann'])).toMatchObject({ type: 'unauthorized' });
    expect(calls()).toEqual({ token: 1, request: 1, status: 0 });
  });
});

describe('the same deletion asked for again', () => {
  it('is asked about, not requested a second time', async () => {
    const { clock, newDeletion, track, users, calls } = await start({ deletionDelayMs: 50_000 });
    const deletion = newDeletion();
    track('ann', 'bob');
    const outcomes = [];
    for (const identities of [
      ['ann', 'bob'],
      ['bob', 'ann'],
      ['bob', 'ann', 'bob'],
    ]) {
      outcomes.push((await inVirtualTime(clock, remove(deletion, identities))).type);
    }
    expect(outcomes).toEqual(['pending', 'pending', 'complete']);
    expect(calls().request).toBe(1);
    expect(users()).toEqual([]);
  });

  it('at the same time shares one run', async () => {
    const { clock, newDeletion, calls } = await start({ deletionDelayMs: 4_000 });
    const deletion = newDeletion();
    const askers = [
      remove(deletion, ['ann', 'bob']),
      remove(deletion, ['bob', 'ann']),
      remove(deletion, ['ann', 'bob']),
    ];
    const outcomes = await inVirtualTime(clock, Promise.all(askers));
    expect(outcomes).toEqual([{ type: 'complete' }, { type: 'complete' }, { type: 'complete' }]);
    expect(calls()).toEqual({ token: 1, request: 1, status: 3 });
  });

  it('after it was complete is a new deletion: the users may have come back', async () => {
    const { clock, newDeletion, track, users, calls } = await start({ deletionDelayMs: 30_000 });
    const deletion = newDeletion();
    for (let round = 1; round <= 2; round += 1) {
      track('ann');
      expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual(pending);
      expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual({ type: 'complete' });
      expect(users()).toEqual([]);
      expect(calls().request).toBe(round);
    }
  });

  it('by another job is a new deletion: the users may have come back', async () => {
    const { clock, newDeletion, track, users } = await start({ deletionDelayMs: 30_000 });
    const deletion = newDeletion();
    expect(await inVirtualTime(clock, remove(deletion, ['ann'], '1'))).toEqual(pending);
    await clock.advance(30_000);
    track('ann');
    const second = await inVirtualTime(clock, remove(deletion, ['ann'], '2'));
    expect(second).toEqual(pending);
    expect(await inVirtualTime(clock, remove(deletion, ['ann'], '2'))).toEqual({ type: 'complete' });
    expect(users()).toEqual([]);
  });

  it('with another API key does not share what the right one finds out', async () => {
    const { clock, newDeletion } = await start({ deletionDelayMs: 10_000 });
    const deletion = newDeletion();
    const wrong = { credentials: { ...credentials, apiKey: 'wrong' }, identities: ['ann'], jobId: '1' };
    const askers = [remove(deletion, ['ann']), deletion.remove(wrong, unaborted)];
    const outcomes = await inVirtualTime(clock, Promise.all(askers));
    expect(outcomes.map(({ type }) => type)).toEqual(['complete', 'unauthorized']);
  });

  it('a day later is requested again', async () => {
    const { clock, newDeletion, calls } = await start({ deletionDelayMs: 100 * hours });
    const deletion = newDeletion();
    await inVirtualTime(clock, remove(deletion, ['ann']));
    await clock.advance(24 * hours - 1);
    await inVirtualTime(clock, remove(deletion, ['ann']));
    expect(calls().request).toBe(1);
    await clock.advance(24 * hours);
    await inVirtualTime(clock, remove(deletion, ['ann']));
    expect(calls().request).toBe(2);
  });

  it('of a process that has started anew is requested again, and ends as well', async () => {
    const { clock, newDeletion, track, users, calls } = await start({ deletionDelayMs: 30_000 });
    track('ann');
    expect(await inVirtualTime(clock, remove(newDeletion(), ['ann']))).toEqual(pending);
    const afterwards = newDeletion();
    expect(await inVirtualTime(clock, remove(afterwards, ['ann']))).toEqual(pending);
    expect(await inVirtualTime(clock, remove(afterwards, ['ann']))).toEqual({ type: 'complete' });
    expect(calls().request).toBe(2);
    expect(users()).toEqual([]);
  });

  it('is requested anew where Heap does not know it any more', async () => {
    const { clock, newDeletion, simulator, track, users, calls } = await start({ deletionDelayMs: 30_000 });
    const deletion = newDeletion();
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual(pending);
    simulator.heap.reset();
    track('ann');
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual(pending);
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual({ type: 'complete' });
    expect(calls().request).toBe(1);
    expect(users()).toEqual([]);
  });

  it('is requested anew once per call where Heap never knows it', async () => {
    const { clock, newDeletion, faults, calls } = await start();
    const deletion = newDeletion();
    faults({ match: { path: statusPath }, action: { status: 404 } });
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual(pending);
    expect(calls().request).toBe(1);
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual(pending);
    expect(calls().request).toBe(2);
  });
});

describe('a deletion that fails on its way', () => {
  const users = manyUsers(15_000);

  it('sends only those requests again that did not get through', async () => {
    const { clock, newDeletion, faults, simulator } = await start();
    const deletion = newDeletion();
    faults({ match: { path: requestPath, after: 1, times: 1 }, action: { status: 500 } });
    expect(await remove(deletion, users)).toEqual({ type: 'unavailable', detail: 'HTTP 500' });
    expect(await inVirtualTime(clock, remove(deletion, users))).toEqual({ type: 'complete' });
    expect(simulator.heap.statistics().requests[requestPath]).toEqual({ '201': 2, '500': 1 });
  });

  it('does not ask again about requests that are complete', async () => {
    const { clock, newDeletion, faults, calls } = await start({ deletionDelayMs: 0 });
    const deletion = newDeletion();
    faults({ match: { path: statusPath, after: 1, times: 1 }, action: { status: 503 } });
    expect(await remove(deletion, users)).toEqual({ type: 'unavailable', detail: 'HTTP 503' });
    expect(calls().status).toBe(2);
    expect(await inVirtualTime(clock, remove(deletion, users))).toEqual({ type: 'complete' });
    expect(calls()).toEqual({ token: 2, request: 2, status: 3 });
  });

  it.each([
    ['the token', tokenPath],
    ['the request', requestPath],
    ['the status', statusPath],
  ])('at %s tells what Heap said', async (_, path) => {
    const { newDeletion, faults } = await start();
    faults({ match: { path }, action: { status: 429, retryAfter: 30 } });
    expect(await remove(newDeletion(), ['ann'])).toEqual({ type: 'throttled', detail: 'HTTP 429', afterMs: 30_000 });
    faults({ match: { path }, action: { status: 400, body: '{"message":"no"}' } });
    expect(await remove(newDeletion(), ['ann'])).toEqual({ type: 'refused', detail: 'HTTP 400: no' });
    faults({ match: { path }, action: { reset: true } });
    expect(await remove(newDeletion(), ['ann'])).toMatchObject({ type: 'unavailable' });
  });
});

describe('a caller who breaks off', () => {
  const brokenOff = { type: 'unavailable', detail: 'broken off before Heap had finished' };

  it('stops the waiting, and what was requested stays known', async () => {
    const { clock, newDeletion, calls } = await start({ deletionDelayMs: 5_000 });
    const deletion = newDeletion();
    const caller = new AbortController();
    const outcome = remove(deletion, ['ann'], '1', caller.signal);
    await until(() => clock.sleeping > 0);
    caller.abort();
    expect(await outcome).toEqual(brokenOff);
    await until(() => clock.sleeping === 0);
    expect(await inVirtualTime(clock, remove(deletion, ['ann']))).toEqual({ type: 'complete' });
    expect(calls().request).toBe(1);
  });

  it('does not take the run from another one', async () => {
    const { clock, newDeletion, calls } = await start({ deletionDelayMs: 5_000 });
    const deletion = newDeletion();
    const caller = new AbortController();
    const outcomes = [remove(deletion, ['ann'], '1', caller.signal), remove(deletion, ['ann'])];
    await until(() => clock.sleeping > 0);
    caller.abort();
    expect(await inVirtualTime(clock, Promise.all(outcomes))).toEqual([brokenOff, { type: 'complete' }]);
    expect(calls().request).toBe(1);
  });

  it('ends a call that Heap does not answer', async () => {
    const { newDeletion, faults, calls } = await start();
    faults({ match: { path: tokenPath }, action: { hang: true } });
    const caller = new AbortController();
    const outcome = remove(newDeletion(), ['ann'], '1', caller.signal);
    await until(() => calls().token > 0);
    caller.abort();
    expect(await outcome).toEqual(brokenOff);
  });
});
