import { describe, expect, it } from '@jest/globals';
import { hashedUserId } from '../../../../src/destinations/heap/simulator/integrations-items.js';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, post } from './post-to-heap.js';

function track(heap: SimulatedHeap, event: Record<string, unknown>, head: Record<string, unknown> = {}) {
  const events = [{ event: 'Signed Up', user_identifier: { identity: 'alice' }, ...event }];
  return post(heap, '/api/integrations/track', { app_id: appId, library: 'server', events, ...head });
}

function addUserProperties(heap: SimulatedHeap, user: Record<string, unknown>) {
  return post(heap, '/api/integrations/add_user_properties', { app_id: appId, library: 'server', users: [user] });
}

describe('POST /api/integrations/track', () => {
  it('stores an event with its custom properties', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, { custom_properties: { plan: 'pro' }, idempotency_key: 'k', timestamp: 0 }).status).toBe(200);
    expect(ask(heap, 'events')).toMatchObject({
      events: [
        {
          resolvedIdentity: 'alice',
          properties: { plan: 'pro' },
          timestamp: '1970-01-01T00:00:00.000Z',
          via: 'integrations track',
        },
      ],
    });
  });

  it('takes string values only', () => {
    expect(track(new SimulatedHeap(), { custom_properties: { seats: 3 } })).toMatchObject({
      status: 400,
      body: 'events[0].custom_properties["seats"]: must be a string',
    });
    expect(track(new SimulatedHeap(), { custom_properties: { nothing: null } }).status).toBe(400);
  });

  it('needs a library and at least one identifier', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, {}, { library: undefined }).status).toBe(400);
    expect(track(heap, { user_identifier: {} }).status).toBe(400);
    expect(track(heap, { user_identifier: undefined }).status).toBe(400);
    expect(track(heap, { user_identifier: { user_id: 'x' } }).status).toBe(400);
  });

  it('merges the anonymous id of an event that names an identity as well', () => {
    const heap = new SimulatedHeap();
    track(heap, { user_identifier: { anonymous_id: 'anon1' } });
    expect(heap.findApp(appId)?.anonymousUsers.get('435837195053672')?.events).toBe(1);
    track(heap, { user_identifier: { anonymous_id: 'anon1', identity: 'alice' } });
    expect(heap.findApp(appId)?.users.get('alice')).toMatchObject({ events: 2 });
    expect(heap.findApp(appId)?.anonymousUsers.size).toBe(0);
  });

  it('finds a user by email', () => {
    const heap = new SimulatedHeap();
    addUserProperties(heap, { user_identifier: { identity: 'alice' }, custom_properties: { email: 'a@b' } });
    track(heap, { user_identifier: { email: 'a@b' } });
    track(heap, { user_identifier: { email: 'nobody' } });
    expect(ask(heap, 'events')).toMatchObject({ events: [{ resolvedIdentity: 'alice' }, { resolvedIdentity: null }] });
  });

  it('hashes anonymous ids as Heap does', () => {
    expect(hashedUserId('5a41f0df-b69a-4a99-b656-79506a86c3f8')).toBe('8325872782136936');
    expect(hashedUserId('anon1')).toBe('435837195053672');
  });
});

describe('POST /api/integrations/add_user_properties', () => {
  it('takes scalars of any kind', () => {
    const heap = new SimulatedHeap();
    const custom_properties = { plan: 'pro', seats: 3, vip: true, nothing: null, id: 'x' };
    expect(addUserProperties(heap, { user_identifier: { identity: 'alice' }, custom_properties }).status).toBe(200);
    expect(ask(heap, 'users')).toMatchObject({ users: [{ properties: { plan: 'pro', seats: 3, vip: 'true' } }] });
  });

  it('needs an identity or an email', () => {
    const heap = new SimulatedHeap();
    expect(addUserProperties(heap, { user_identifier: { anonymous_id: 'a' } }).status).toBe(400);
    expect(addUserProperties(heap, { user_identifier: { email: 'a@b' } }).status).toBe(200);
    expect(heap.statistics().unmatchedEmails).toBe(1);
  });
});
