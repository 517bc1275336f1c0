import { describe, expect, it } from '@jest/globals';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, noon, post, track } from './post-to-heap.js';

const day = 24 * 3_600_000;

function identify(heap: SimulatedHeap, user_id: string, identity: string, now = noon): number {
  return post(heap, '/api/v1/identify', { app_id: appId, user_id, identity }, now).status;
}

describe('POST /api/v1/identify', () => {
  it('gives the earlier events of the user_id to the identity', () => {
    const heap = new SimulatedHeap();
    track(heap, { identity: undefined, user_id: '7' });
    expect(identify(heap, '7', 'alice')).toBe(200);
    expect(ask(heap, 'events', `app_id=${appId}&identity=alice`)).toMatchObject({
      total: 1,
      events: [{ resolvedIdentity: 'alice', sentAs: { userId: '7' } }],
    });
    expect(ask(heap, 'users')).toMatchObject({ anonymousTotal: 0, users: [{ userIds: ['7'], events: 1 }] });
  });

  it('gives the later events of the user_id to the identity too', () => {
    const heap = new SimulatedHeap();
    identify(heap, '7', 'alice');
    track(heap, { identity: undefined, user_id: 7 });
    expect(heap.findApp(appId)?.users.get('alice')?.events).toBe(1);
    expect(heap.findApp(appId)?.anonymousUsers.size).toBe(0);
  });

  it('silently drops a second identity of a user_id', () => {
    const heap = new SimulatedHeap();
    identify(heap, '7', 'alice');
    expect(identify(heap, '7', 'bob')).toBe(200);
    track(heap, { identity: undefined, user_id: '7' });
    expect(heap.findApp(appId)?.users.get('alice')?.events).toBe(1);
    expect(heap.findApp(appId)?.users.has('bob')).toBe(false);
    expect(heap.statistics().identifyDropped).toEqual({ otherIdentity: 1, tooManyUserIds: 0 });
  });

  it('silently ignores the eleventh user_id of an identity within a month', () => {
    const heap = new SimulatedHeap();
    for (let n = 1; n <= 11; n++) expect(identify(heap, String(n), 'alice', noon + n)).toBe(200);
    expect(heap.findApp(appId)?.users.get('alice')?.userIds.size).toBe(10);
    expect(heap.statistics().identifyDropped).toEqual({ otherIdentity: 0, tooManyUserIds: 1 });
  });

  it('takes more user_ids once the month is over', () => {
    const heap = new SimulatedHeap();
    for (let n = 1; n <= 10; n++) identify(heap, String(n), 'alice');
    identify(heap, '11', 'alice', noon + 29 * day);
    identify(heap, '11', 'alice', noon + 30 * day);
    expect(heap.findApp(appId)?.users.get('alice')?.userIds.has('11')).toBe(true);
  });

  it('does not count the repeat of a known pair', () => {
    const heap = new SimulatedHeap();
    for (let n = 0; n < 20; n++) identify(heap, '7', 'alice');
    identify(heap, '8', 'alice');
    expect(heap.findApp(appId)?.users.get('alice')?.userIds.size).toBe(2);
  });

  it.each([{ user_id: 'x' }, { user_id: undefined }, { identity: '' }, { identity: undefined }, { timestamp: 'soon' }])(
    'refuses %j',
    (fields) => {
      const body = { app_id: appId, user_id: '7', identity: 'alice', ...fields };
      expect(post(new SimulatedHeap(), '/api/v1/identify', body).status).toBe(400);
    },
  );
});
