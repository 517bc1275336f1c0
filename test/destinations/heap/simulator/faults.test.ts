import { describe, expect, it } from '@jest/globals';
import type { FaultRule } from '../../../../src/destinations/heap/simulator/fault-rule.js';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, eventsOf, noon, post, track } from './post-to-heap.js';

function heapWith(...rules: FaultRule[]): SimulatedHeap {
  const heap = new SimulatedHeap({ limits: { trackPerIdentity: null } });
  heap.faults.replace(rules);
  return heap;
}

function statuses(heap: SimulatedHeap, count: number): number[] {
  return Array.from({ length: count }, () => track(heap).status);
}

describe('a status fault', () => {
  it('answers in place of Heap and stores nothing', () => {
    const heap = heapWith({ action: { status: 503, body: 'try later', headers: { 'X-Why': 'test' } } });
    expect(track(heap)).toMatchObject({ status: 503, body: 'try later', headers: { 'x-why': 'test' } });
    expect(heap.findApp(appId)).toBeUndefined();
  });

  it('lets the request take effect first when it is stored: the answer is lost, not the event', () => {
    const heap = heapWith({ match: { times: 1 }, action: { status: 500, stored: true } });
    expect(track(heap, { idempotency_key: 'k' }).status).toBe(500);
    expect(track(heap, { idempotency_key: 'k' }).status).toBe(200);
    expect(heap.statistics()).toMatchObject({ items: { track: 1 }, duplicates: 1 });
  });

  it('says when to retry, in seconds or as a date', () => {
    const inSeconds = heapWith({ action: { status: 429, retryAfter: 7 } });
    expect(track(inSeconds).headers['retry-after']).toBe('7');
    const asDate = heapWith({ action: { status: 429, retryAfter: 'date' } });
    expect(track(asDate).headers['retry-after']).toBe('Tue, 10 Mar 2026 12:00:05 GMT');
  });
});

describe('the other faults', () => {
  it.each([
    [{ hang: true }, { ending: { kind: 'hang' } }],
    [{ reset: true }, { ending: { kind: 'reset' } }],
    [{ truncate: 1 }, { ending: { kind: 'truncate', bytes: 1 }, status: 200, body: '{}' }],
  ] as const)('%j store nothing unless told to', (action, expected) => {
    const heap = heapWith({ action });
    expect(track(heap)).toMatchObject(expected);
    expect(heap.findApp(appId)).toBeUndefined();
    heap.faults.replace([{ action: { ...action, stored: true } }]);
    expect(track(heap)).toMatchObject(expected);
    expect(heap.findApp(appId)?.eventCount).toBe(1);
  });

  it('that slow the answer leave the request alone', () => {
    const heap = heapWith({ action: { slowBodyMs: 50 } }, { action: { latencyMs: 10 } });
    expect(track(heap)).toMatchObject({ status: 200, latencyMs: 10, ending: { kind: 'dribble', durationMs: 50 } });
    expect(heap.findApp(appId)?.eventCount).toBe(1);
  });
});

describe('latency', () => {
  it('of all matching rules adds up, beside one rule that does more', () => {
    const heap = heapWith(
      { action: { latencyMs: 10 } },
      { action: { status: 503, latencyMs: 20 } },
      { action: { status: 500, latencyMs: 1000 } },
      { action: { latencyMs: 30 } },
    );
    expect(track(heap)).toMatchObject({ status: 503, latencyMs: 60 });
    expect(heap.statistics().faultsApplied).toMatchObject({ latency: 2, status: 1 });
  });

  it('is drawn between its bounds, the same for the same seed', () => {
    const draw = (seed: number) => {
      const heap = new SimulatedHeap({ seed });
      heap.faults.add({ action: { latencyMs: [10, 20] } });
      return Array.from({ length: 20 }, () => track(heap).latencyMs);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(Math.min(...draw(7))).toBeGreaterThanOrEqual(10);
    expect(Math.max(...draw(7))).toBeLessThan(20);
    expect(new Set(draw(7)).size).toBeGreaterThan(10);
  });
});

describe('a fault matches', () => {
  const action = { status: 503 };

  it('by app_id, which a deletion request names in its credentials', () => {
    const heap = heapWith({ match: { appId }, action });
    expect(track(heap).status).toBe(503);
    expect(track(heap, { app_id: '2' }).status).toBe(200);
    const authorization = `Basic ${Buffer.from(`${appId}:test-api-key`).toString('base64')}`;
    const request = { method: 'POST', path: '/api/public/v0/auth_token', headers: { authorization } };
    expect(heap.handle(request, noon).status).toBe(503);
  });

  it('by path, exact or with a star', () => {
    const heap = heapWith({ match: { path: '/api/track' }, action }, { match: { path: '/api/v1/*' }, action });
    expect(track(heap).status).toBe(503);
    expect(post(heap, '/api/v1/identify', {}).status).toBe(503);
    expect(post(heap, '/api/add_user_properties', { app_id: appId, identity: 'alice' }).status).toBe(200);
  });

  it('by an event name or idempotency key that the request contains', () => {
    const heap = heapWith({ match: { itemEvent: 'poison' }, action: { status: 400, body: 'poison' } });
    const events = eventsOf('alice', 3);
    expect(post(heap, '/api/track', { app_id: appId, events }).status).toBe(200);
    expect(post(heap, '/api/track', { app_id: appId, events: [...events, { event: 'poison' }] }).body).toBe('poison');
    expect(track(heap, { idempotency_key: 'poison' }).status).toBe(400);
  });

  it('after so many requests, and only so many times', () => {
    expect(statuses(heapWith({ match: { after: 2, times: 3 }, action }), 7)).toEqual([
      200, 200, 503, 503, 503, 200, 200,
    ]);
  });

  it('with a probability, the same for the same seed', () => {
    const rule: FaultRule = { match: { probability: 0.25 }, action };
    const drawn = statuses(heapWith(rule), 400);
    expect(statuses(heapWith(rule), 400)).toEqual(drawn);
    const struck = drawn.filter((status) => status === 503).length;
    expect(struck).toBeGreaterThan(60);
    expect(struck).toBeLessThan(140);
    expect(statuses(heapWith({ match: { probability: 0 }, action }), 50)).not.toContain(503);
  });

  it('bodies that are not JSON and paths that do not exist', () => {
    const heap = heapWith({ action });
    expect(heap.handle({ method: 'POST', path: '/api/track', body: '{' }, noon).status).toBe(503);
    expect(heap.handle({ method: 'GET', path: '/nowhere' }, noon).status).toBe(503);
  });

  it('never the simulator itself', () => {
    const heap = heapWith({ action });
    expect(heap.handle({ method: 'GET', path: '/_simulator/stats' }, noon).status).toBe(200);
  });
});

describe('/_simulator/faults', () => {
  it('takes one rule more, or an array that replaces them all, and lists and clears them', () => {
    const heap = new SimulatedHeap();
    const rule = { match: { times: 1 }, action: { status: 503 } };
    post(heap, '/_simulator/faults', rule);
    post(heap, '/_simulator/faults', rule);
    expect(ask(heap, 'faults')).toEqual([
      { id: 1, rule, seen: 0, applied: 0 },
      { id: 2, rule, seen: 0, applied: 0 },
    ]);
    post(heap, '/_simulator/faults', [rule]);
    track(heap);
    track(heap);
    expect(ask(heap, 'faults')).toEqual([{ id: 3, rule, seen: 2, applied: 1 }]);
    heap.handle({ method: 'DELETE', path: '/_simulator/faults' }, noon);
    expect(ask(heap, 'faults')).toEqual([]);
  });

  it.each([
    [7, 'fault: must be object'],
    [[{ action: { latencyMs: 1 } }, {}], "faults[1]: must have required property 'action'"],
    [{ action: {} }, 'fault.action: needs one of status, hang, reset, truncate, slowBodyMs and latencyMs'],
    [
      { action: { hang: true, reset: true } },
      'fault.action: can have only one of status, hang, reset, truncate and slowBodyMs',
    ],
    [{ action: { status: 100 } }, 'fault.action.status: must be >= 200'],
    [{ action: { status: 500, delay: 1 } }, 'fault.action: must NOT have additional properties: "delay"'],
    [{ match: { appID: '1' }, action: { hang: true } }, 'fault.match: must NOT have additional properties: "appID"'],
    [{ match: { probability: 2 }, action: { hang: true } }, 'fault.match.probability: must be <= 1'],
    [{ action: { hang: true, body: 'x' } }, 'fault.action: body, retryAfter and headers need a status'],
    [{ action: { latencyMs: 1, stored: true } }, 'fault.action: stored needs one of status, hang, reset and truncate'],
    [{ action: { latencyMs: [2, 1] } }, 'fault.action: latencyMs must be [min, max]'],
    [{ action: { latencyMs: [1] } }, 'fault.action.latencyMs: must NOT have fewer than 2 items'],
    [{ action: { status: 429, retryAfter: 'soon' } }, 'fault.action.retryAfter: must match pattern "^date$"'],
    [
      { action: { status: 500, headers: { 'Content-Length': '1' } } },
      'fault.action: headers cannot set content-length',
    ],
    [
      { action: { status: 500, headers: { 'x y': '1' } } },
      'fault.action: headers must be valid HTTP header names and values',
    ],
  ])('refuses %j with a clear message', (body, message) => {
    const heap = new SimulatedHeap();
    expect(post(heap, '/_simulator/faults', body)).toMatchObject({ status: 400, body: message });
    expect(heap.faults.list()).toEqual([]);
  });
});
