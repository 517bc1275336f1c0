import { describe, expect, it } from '@jest/globals';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, eventsOf, noon, post, track } from './post-to-heap.js';

describe('/_simulator', () => {
  it('has an index of its questions', () => {
    expect(ask(new SimulatedHeap(), '')).toHaveProperty(['GET /_simulator/state']);
    expect(new SimulatedHeap().handle({ method: 'GET', path: '/_simulator' }, noon).status).toBe(200);
    expect(new SimulatedHeap().handle({ method: 'GET', path: '/_simulator/nothing' }, noon).status).toBe(404);
  });

  it('sums up the state per app_id', () => {
    const heap = new SimulatedHeap();
    track(heap);
    track(heap, { identity: undefined, user_id: '1' });
    post(heap, '/api/add_account_properties', { app_id: appId, account_id: 'acme' });
    expect(ask(heap, 'state')).toEqual({
      now: '2026-03-10T12:00:00.000Z',
      apps: { [appId]: { users: 1, anonymousUsers: 1, accounts: 1, events: 2, eventsKept: 2, duplicates: 0 } },
      faults: 0,
      deletions: { pending: 0, complete: 0 },
    });
  });

  it('filters and pages events', () => {
    const heap = new SimulatedHeap();
    post(heap, '/api/track', { app_id: appId, events: [...eventsOf('alice', 5), ...eventsOf('bob', 5)] });
    expect(ask(heap, 'events', `app_id=${appId}&identity=bob&offset=1&limit=2`)).toMatchObject({
      total: 5,
      offset: 1,
      limit: 2,
      events: [{ event: 'Event 1' }, { event: 'Event 2' }],
    });
    expect(ask(heap, 'events', `app_id=${appId}&event=Event%203`)).toMatchObject({
      total: 2,
      events: [{ resolvedIdentity: 'alice' }, { resolvedIdentity: 'bob' }],
    });
  });

  it('answers with empty lists for an app_id it never saw, and 400 for a question it cannot read', () => {
    const heap = new SimulatedHeap();
    expect(ask(heap, 'users', 'app_id=1')).toMatchObject({ total: 0, users: [], anonymousUsers: [] });
    expect(ask(heap, 'accounts', 'app_id=1')).toMatchObject({ total: 0, accounts: [] });
    for (const query of ['', 'app_id=1&limit=x', 'app_id=1&offset=-1']) {
      const request = { method: 'GET', path: '/_simulator/events', query: new URLSearchParams(query) };
      expect(heap.handle(request, noon).status).toBe(400);
    }
  });

  it('counts requests by path and status, and leaves its own out', () => {
    const heap = new SimulatedHeap();
    track(heap);
    track(heap, { event: '' });
    post(heap, '/api/v1/identify', { app_id: appId, user_id: '1', identity: 'alice' });
    heap.handle({ method: 'GET', path: '/nowhere' }, noon);
    heap.handle({ method: 'GET', path: '/api/public/v0/deletion_status/x' }, noon);
    heap.faults.add({ action: { hang: true } });
    track(heap);
    expect(ask(heap, 'stats')).toEqual({
      requests: {
        '/api/track': { '200': 1, '400': 1, none: 1 },
        '/api/v1/identify': { '200': 1 },
        '(other)': { '404': 1 },
        '/api/public/v0/deletion_status/{id}': { '401': 1 },
      },
      items: { track: 1, userProperties: 0, accountProperties: 0, identify: 1 },
      duplicates: 0,
      rateLimited: { bulkTrackPerIdentity: 0, bulkTrackPerApp: 0, trackPerIdentity: 0, userPropertiesPerIdentity: 0 },
      faultsApplied: { status: 0, hang: 1, reset: 0, truncate: 0, slowBody: 0, latency: 0 },
      reservedKeysIgnored: 0,
      identifyDropped: { otherIdentity: 0, tooManyUserIds: 0 },
      unmatchedEmails: 0,
      apps: { [appId]: { track: 1, userProperties: 0, accountProperties: 0, identify: 1, duplicates: 0 } },
    });
  });

  it('forgets everything on reset: state, counters, limits and faults', () => {
    const heap = new SimulatedHeap({ limits: { trackPerIdentity: { max: 1, windowMs: 1000 } } });
    track(heap);
    heap.faults.add({ action: { hang: true } });
    expect(post(heap, '/_simulator/reset', {})).toMatchObject({ status: 200, body: '{}' });
    expect(ask(heap, 'state')).toMatchObject({ apps: {}, faults: 0 });
    expect(ask(heap, 'stats')).toMatchObject({ requests: {} });
    expect(track(heap)).toMatchObject({ status: 200, ending: { kind: 'whole' } });
  });
});
