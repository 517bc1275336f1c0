import { describe, expect, it } from '@jest/globals';
import type { PartialSimulatorOptions } from '../../../../src/destinations/heap/simulator/simulator-options.js';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, noon, post, track } from './post-to-heap.js';

const basic = (id: string, key: string) => `Basic ${Buffer.from(`${id}:${key}`).toString('base64')}`;

function call(heap: SimulatedHeap, method: string, path: string, authorization: string, body: unknown, now: number) {
  const headers = { authorization };
  const reply = heap.handle({ method, path: `/api/public/v0/${path}`, headers, body: JSON.stringify(body) }, now);
  return { status: reply.status, body: JSON.parse(reply.body) as Record<string, unknown> };
}

function tokenOf(heap: SimulatedHeap, id = appId, key = 'test-api-key', now = noon): string {
  return `Bearer ${String(call(heap, 'POST', 'auth_token', basic(id, key), undefined, now).body.access_token)}`;
}

function deletion(heap: SimulatedHeap, users: unknown, now = noon, token = tokenOf(heap)) {
  return call(heap, 'POST', 'user_deletion', token, { users }, now);
}

function status(heap: SimulatedHeap, id: unknown, now: number, token = tokenOf(heap, appId, 'test-api-key', now)) {
  return call(heap, 'GET', `deletion_status/${String(id)}`, token, undefined, now);
}

describe('the auth token', () => {
  it('is given for the app_id and its API key', () => {
    const heap = new SimulatedHeap({ apiKeys: { [appId]: 'secret' } });
    expect(call(heap, 'POST', 'auth_token', basic(appId, 'secret'), undefined, noon).status).toBe(200);
  });

  it.each([
    ['a wrong key', basic(appId, 'wrong')],
    ['an app_id that is no Main Production environment', basic('2', 'secret')],
    ['an app_id named after a method of objects', basic('toString', 'secret')],
    ['something that is not Basic', 'secret'],
  ])('is refused to %s', (_, authorization) => {
    const heap = new SimulatedHeap({ apiKeys: { [appId]: 'secret' } });
    expect(call(heap, 'POST', 'auth_token', authorization, undefined, noon)).toEqual({
      status: 401,
      body: { err: { message: 'Unauthorized' } },
    });
  });

  it('expires after five minutes', () => {
    const heap = new SimulatedHeap();
    const token = tokenOf(heap);
    expect(deletion(heap, [], noon + 299_999, token).status).toBe(201);
    expect(deletion(heap, [], noon + 300_000, token)).toMatchObject({ status: 401, body: { error: 'Unauthorized' } });
  });
});

describe('a deletion', () => {
  it('is pending, then complete, and only then are the users and their events gone', () => {
    const heap = new SimulatedHeap({ deletionDelayMs: 5000 });
    track(heap);
    track(heap, { identity: 'bob' });
    const accepted = deletion(heap, [{ identity: 'alice' }]);
    expect(accepted).toMatchObject({ status: 201, body: { status: 'pending' } });
    const id = accepted.body.deletion_request_id;
    expect(accepted.body.deletion_request_location).toContain(`/api/public/v0/deletion_status/${String(id)}`);
    expect(status(heap, id, noon + 4999).body).toEqual({ deletion_request_id: id, status: 'pending' });
    expect(heap.findApp(appId)?.users.has('alice')).toBe(true);
    expect(status(heap, id, noon + 5000).body).toEqual({ deletion_request_id: id, status: 'complete' });
    expect([...(heap.findApp(appId)?.users.keys() ?? [])]).toEqual(['bob']);
    expect(heap.findApp(appId)).toMatchObject({ eventCount: 1, events: [{ subject: { value: 'bob' } }] });
  });

  it('of an anonymous user_id takes its events', () => {
    const heap = new SimulatedHeap({ deletionDelayMs: 0 });
    track(heap, { identity: undefined, user_id: '7' });
    status(heap, deletion(heap, [{ user_id: 7 }]).body.deletion_request_id, noon);
    expect(heap.findApp(appId)?.anonymousUsers.size).toBe(0);
    expect(heap.findApp(appId)?.events).toEqual([]);
  });

  it('of a merged user_id takes the whole user', () => {
    const heap = new SimulatedHeap({ deletionDelayMs: 0 });
    track(heap);
    post(heap, '/api/v1/identify', { app_id: appId, identity: 'alice', user_id: '7' });
    status(heap, deletion(heap, [{ user_id: '7' }]).body.deletion_request_id, noon);
    expect(heap.findApp(appId)?.users.size).toBe(0);
    track(heap, { identity: undefined, user_id: '7' });
    expect(heap.findApp(appId)?.anonymousUsers.has('7')).toBe(true);
  });

  it('reaches the other environments of the account', () => {
    const options: PartialSimulatorOptions = { deletionDelayMs: 0, environments: { [appId]: ['2'] } };
    const heap = new SimulatedHeap(options);
    track(heap, { app_id: '2' });
    track(heap, { app_id: '3' });
    status(heap, deletion(heap, [{ identity: 'alice' }]).body.deletion_request_id, noon);
    expect(heap.findApp('2')?.users.size).toBe(0);
    expect(heap.findApp('3')?.users.size).toBe(1);
  });

  it('does not keep a later event from creating the user afresh', () => {
    const heap = new SimulatedHeap({ deletionDelayMs: 0 });
    track(heap);
    deletion(heap, [{ identity: 'alice' }]);
    track(heap, {}, noon + 1);
    expect(heap.findApp(appId)?.users.get('alice')).toMatchObject({ createdAt: noon + 1, events: 1 });
  });

  it('takes up to 10,000 users', () => {
    const heap = new SimulatedHeap();
    const users = Array.from({ length: 10_001 }, (_, user_id) => ({ user_id }));
    expect(deletion(heap, users)).toMatchObject({ status: 400, body: { error: 'Bad Request' } });
    expect(deletion(heap, users.slice(1)).status).toBe(201);
  });

  it.each([[[{}]], [['alice']], ['alice'], [[{ user_id: 'x' }]]])('refuses the users %j', (users) => {
    expect(deletion(new SimulatedHeap(), users).status).toBe(400);
  });

  it('is unknown to the token of another app_id, and so is one that never was', () => {
    const heap = new SimulatedHeap();
    const id = deletion(heap, []).body.deletion_request_id;
    expect(status(heap, id, noon, tokenOf(heap, '2')).status).toBe(404);
    expect(status(heap, 'nonsense', noon).status).toBe(404);
    expect(status(heap, id, noon, 'Bearer nonsense').status).toBe(401);
  });
});
