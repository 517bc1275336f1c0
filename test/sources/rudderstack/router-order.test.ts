import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { isJsonArray, type JsonObject } from '../../../src/core/json/json.js';
import {
  answerJobs,
  jobsTo,
  merging,
  narrowLimits,
  ownApps,
  sharedApp,
  wideLimits,
  type GivenJob,
} from '../../support/router-jobs.js';
import {
  bodyOfRequest,
  brokenOrders,
  byKey,
  byUser,
  byVisitor,
  deliveriesOf,
  firstJobOf,
  jobIdsOf,
  mergedItem,
  requestsOf,
  type Order,
} from '../../support/router-replay.js';

const numRuns = 500;

function itemCount(request: JsonObject): number {
  const { users, accounts, events } = bodyOfRequest(request);
  return [users, accounts, events].find(isJsonArray)?.length ?? 1;
}

describe('the entries of any request to the router transform', () => {
  it('hold every job in exactly one of them, and none is without jobs', () => {
    fc.assert(
      fc.property(jobsTo([...ownApps, ...sharedApp]), narrowLimits, (given, limits) => {
        const { jobs, entries } = answerJobs(given, limits);
        expect(entries.flatMap(jobIdsOf).sort((a, b) => a - b)).toEqual(jobs.map(({ jobId }) => jobId));
        expect(entries.every((entry) => jobIdsOf(entry).length > 0)).toBe(true);
      }),
      { numRuns },
    );
  });

  it('hold bulk requests within the limits', () => {
    fc.assert(
      fc.property(jobsTo(ownApps), narrowLimits, (given, limits) => {
        const bulk = answerJobs(given, limits).entries.filter(({ batched }) => batched === true);
        for (const request of bulk.flatMap(requestsOf)) {
          expect(itemCount(request)).toBeLessThanOrEqual(limits.maxItems);
          expect(Buffer.byteLength(JSON.stringify(bodyOfRequest(request)))).toBeLessThanOrEqual(limits.maxBytes);
        }
      }),
      { numRuns },
    );
  });

  it('write what the jobs write alone, where it is theirs', () => {
    fc.assert(
      fc.property(jobsTo([...ownApps, ...sharedApp]), narrowLimits, (given, limits) => {
        const { jobs, entries } = answerJobs(given, limits);
        for (const { write, jobIds } of deliveriesOf(entries)) {
          const own = jobIds.flatMap((id) => jobs[id - 1]?.writes ?? []);
          const alike = own.filter(
            ({ path, lane, key }) => path === write.path && lane === write.lane && key === write.key,
          );
          expect(alike).toHaveLength(jobIds.length);
          expect(write.item).toEqual(mergedItem(alike));
        }
      }),
      { numRuns },
    );
  });

  it('stand in the order in which rudder-server delivers them, that of the smallest job id in each', () => {
    fc.assert(
      fc.property(jobsTo([...ownApps, ...sharedApp]), narrowLimits, (given, limits) => {
        const delivered = answerJobs(given, limits).entries.filter(
          ({ batchedRequest }) => batchedRequest !== undefined,
        );
        const ids = delivered.map(firstJobOf);
        expect(ids).toEqual([...ids].sort((a, b) => a - b));
      }),
      { numRuns },
    );
  });

  it.each([
    ["each user's jobs at a place", byUser, ownApps],
    ['writes that overwrite each other', byKey, ownApps],
    ['merges of one visitor', byVisitor, merging],
  ])('deliver %s in the order of the request', (_what, order, destinations) => {
    fc.assert(
      fc.property(jobsTo(destinations), fc.oneof(fc.constant(wideLimits), narrowLimits), (given, limits) => {
        const { jobs, entries } = answerJobs(given, limits);
        expect(brokenOrders(jobs, deliveriesOf(entries), order)).toEqual([]);
      }),
      { numRuns },
    );
  });

  it('deliver writes that overwrite each other in the order of the request, though two destinations have one app_id', () => {
    fc.assert(
      fc.property(jobsTo(sharedApp), (given) => {
        const { jobs, entries } = answerJobs(given, wideLimits);
        expect(brokenOrders(jobs, deliveriesOf(entries), byKey)).toEqual([]);
      }),
      { numRuns },
    );
  });
});

const [plain] = ownApps;
const [hashing] = merging;
const identify = (userId: string, traits: JsonObject = {}, anonymousId?: string): JsonObject => ({
  type: 'identify',
  userId,
  traits,
  ...(anonymousId === undefined ? {} : { anonymousId }),
});
const job = (message: JsonObject, userId: string, destination = plain ?? {}, dontBatch = false): GivenJob => ({
  message,
  userId,
  destination,
  dontBatch,
});
const long = { padding: 'x'.repeat(400) };
const track = { type: 'track', userId: 'ann', event: 'E' };

describe('an order that is easily lost', () => {
  it.each<[string, readonly GivenJob[], Order]>([
    ['a track too long for a bulk request', [job({ ...track, properties: long }, 'r-1'), job(track, 'r-1')], byUser],
    [
      'a write too long for a bulk request',
      [job(identify('ann', long), ''), job(identify('ann', { a: 1 }), '')],
      byKey,
    ],
    [
      'writes by way of two destinations with one app_id',
      [0, 1, 0].map((index) => job(identify('ann', { a: index }), 'r-1', sharedApp[index])),
      byKey,
    ],
    [
      'merges of one visitor into two users',
      [
        job(track, 'r-1', hashing, true),
        job(identify('ann', {}, 'v-1'), 'r-1', hashing),
        job(identify('bob', {}, 'v-1'), 'r-2', hashing),
      ],
      byVisitor,
    ],
  ])('is kept with %s', (_what, given, order) => {
    const { jobs, entries } = answerJobs(given, { maxItems: 1_000, maxBytes: 300 });
    expect(brokenOrders(jobs, deliveriesOf(entries), order)).toEqual([]);
  });
});

describe('the check of the order', () => {
  it.each<[string, Order, readonly GivenJob[]]>([
    ['of users', byUser, [job(track, 'r-1'), job(track, 'r-1')]],
    ['of writes', byKey, [job(identify('ann'), 'r-1'), job(track, 'r-1'), job(identify('ann', { a: 1 }), 'r-1')]],
    ['of visitors', byVisitor, ['ann', 'bob'].map((user) => job(identify(user, {}, 'v-1'), user, merging[0]))],
  ])('%s sees it where the deliveries come the other way round', (_what, order, given) => {
    const { jobs, entries } = answerJobs(given, { maxItems: 1, maxBytes: 1_000_000 });
    const deliveries = deliveriesOf(entries);
    const turned = deliveries.map((one) => ({ ...one, time: -one.time, requestTime: -one.requestTime }));
    expect(brokenOrders(jobs, deliveries, order)).toEqual([]);
    expect(brokenOrders(jobs, turned, order)).toHaveLength(1);
  });
});
