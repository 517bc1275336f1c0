import { describe, expect, it } from '@jest/globals';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, eventsOf, noon, post, track } from './post-to-heap.js';

function bulk(heap: SimulatedHeap, events: unknown[], now = noon) {
  return post(heap, '/api/track', { app_id: appId, events }, now);
}

/** `count` events of as many users. */
function strangers(count: number, name = 'user'): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, n) => ({ identity: `${name} ${n}`, event: 'e' }));
}

describe('the limit of single track requests', () => {
  it('is 30 in any 30 seconds per identity', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 30; n++) expect(track(heap, {}, noon + n * 500).status).toBe(200);
    expect(track(heap, {}, noon + 15_000)).toMatchObject({ status: 429, headers: { 'retry-after': '15' } });
    expect(track(heap, { identity: 'bob' }, noon + 15_000).status).toBe(200);
    expect(track(heap, { app_id: '2' }, noon + 15_000).status).toBe(200);
    expect(track(heap, {}, noon + 29_999).status).toBe(429);
    expect(track(heap, {}, noon + 30_000).status).toBe(200);
    expect(track(heap, {}, noon + 30_000).status).toBe(429);
  });

  it('stores nothing of a refused request and counts it', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 31; n++) track(heap);
    expect(heap.findApp(appId)?.eventCount).toBe(30);
    expect(heap.statistics().rateLimited.trackPerIdentity).toBe(1);
  });

  it('counts a user_id as it counts an identity', () => {
    const heap = new SimulatedHeap();
    const statuses = Array.from({ length: 31 }, () => track(heap, { identity: undefined, user_id: '1' }).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
  });

  it('is not used up by requests answered 400', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 100; n++) track(heap, { event: '' });
    expect(track(heap).status).toBe(200);
  });
});

describe('the limits of bulk track', () => {
  it('are 1000 events a minute per identity', () => {
    const heap = new SimulatedHeap();
    expect(bulk(heap, eventsOf('alice', 999)).status).toBe(200);
    expect(bulk(heap, eventsOf('alice', 2), noon + 1000)).toMatchObject({
      status: 429,
      headers: { 'retry-after': '59' },
    });
    expect(bulk(heap, eventsOf('alice', 1), noon + 1000).status).toBe(200);
    expect(bulk(heap, eventsOf('bob', 1000), noon + 1000).status).toBe(200);
    expect(bulk(heap, eventsOf('alice', 999), noon + 60_000).status).toBe(200);
    expect(heap.statistics().rateLimited.bulkTrackPerIdentity).toBe(1);
  });

  it('are 15,000 events a minute per app_id', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 15; n++) expect(bulk(heap, strangers(1000)).status).toBe(200);
    expect(bulk(heap, strangers(1), noon + 59_999).status).toBe(429);
    expect(post(heap, '/api/track', { app_id: '2', events: strangers(1) }).status).toBe(200);
    expect(bulk(heap, strangers(1000), noon + 60_000).status).toBe(200);
    expect(heap.statistics().rateLimited.bulkTrackPerApp).toBe(1);
  });

  it('count nothing of a refused request, not even for its innocent identities', () => {
    const heap = new SimulatedHeap();
    bulk(heap, eventsOf('alice', 1000));
    expect(bulk(heap, [...eventsOf('bob', 900), ...eventsOf('alice', 1)]).status).toBe(429);
    expect(bulk(heap, eventsOf('bob', 1000)).status).toBe(200);
    expect(heap.findApp(appId)?.eventCount).toBe(2000);
  });

  it('do not count single requests, nor the other way round', () => {
    const heap = new SimulatedHeap();
    bulk(heap, eventsOf('alice', 1000));
    expect(track(heap).status).toBe(200);
  });
});

describe('the limit of user-property requests', () => {
  const single = { app_id: appId, identity: 'alice' };
  const list = { app_id: appId, users: [{ identity: 'alice' }, { identity: 'alice' }] };
  const send = (heap: SimulatedHeap, body: unknown) => post(heap, '/api/add_user_properties', body).status;

  it('is 30 in any 30 seconds per identity, apart from track', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 30; n++) expect(send(heap, single)).toBe(200);
    expect(send(heap, single)).toBe(429);
    expect(track(heap).status).toBe(200);
  });

  it('does not count bulk requests', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 100; n++) expect(send(heap, list)).toBe(200);
  });

  it('counts a bulk request once per identity when told to', () => {
    const heap = new SimulatedHeap({ limits: { bulkUserPropertiesCount: true } });
    for (let n = 0; n < 30; n++) expect(send(heap, list)).toBe(200);
    expect(send(heap, list)).toBe(429);
    expect(send(heap, single)).toBe(429);
  });
});

describe('rate limits', () => {
  it('can be switched off one by one', () => {
    const heap = new SimulatedHeap({
      limits: { trackPerIdentity: null, itemsPerRequest: null, bulkTrackPerIdentity: null },
    });
    for (let n = 0; n < 100; n++) expect(track(heap).status).toBe(200);
    expect(bulk(heap, eventsOf('alice', 15_000)).status).toBe(200);
    expect(bulk(heap, eventsOf('alice', 1)).status).toBe(429);
  });

  it('can be set', () => {
    const heap = new SimulatedHeap({ limits: { trackPerIdentity: { max: 1, windowMs: 2500 } } });
    track(heap);
    expect(track(heap)).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
  });

  it('give Retry-After as a date, or not at all, when told to', () => {
    const limits = { trackPerIdentity: { max: 0, windowMs: 2500 } };
    expect(track(new SimulatedHeap({ limits, retryAfter: 'date' })).headers['retry-after']).toBe(
      'Tue, 10 Mar 2026 12:00:03 GMT',
    );
    expect(track(new SimulatedHeap({ limits, retryAfter: 'none' })).headers).not.toHaveProperty('retry-after');
  });
});
