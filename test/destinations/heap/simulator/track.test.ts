import { describe, expect, it } from '@jest/globals';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, eventsOf, noon, post, track } from './post-to-heap.js';

describe('POST /api/track', () => {
  it('answers 200 with an empty JSON object', () => {
    const reply = track(new SimulatedHeap());
    expect(reply).toMatchObject({ status: 200, body: '{}' });
    expect(reply.headers['content-type']).toContain('application/json');
  });

  it('creates the user of an unknown identity', () => {
    const heap = new SimulatedHeap();
    track(heap);
    expect(heap.findApp(appId)?.users.get('alice')).toMatchObject({ identity: 'alice', events: 1, createdAt: noon });
  });

  it('keeps identities apart by case', () => {
    const heap = new SimulatedHeap();
    track(heap);
    track(heap, { identity: 'Alice' });
    expect([...(heap.findApp(appId)?.users.keys() ?? [])]).toEqual(['alice', 'Alice']);
  });

  it('keeps everything it received and takes the time of arrival when there is no timestamp', () => {
    const heap = new SimulatedHeap();
    track(heap, { session_id: '9', idempotency_key: 'k', properties: { plan: 'pro', seats: 3 } });
    expect(ask(heap, 'events')).toEqual({
      total: 1,
      offset: 0,
      limit: 100,
      events: [
        {
          event: 'Signed Up',
          resolvedIdentity: 'alice',
          sentAs: { identity: 'alice' },
          timestamp: '2026-03-10T12:00:00.000Z',
          receivedAt: '2026-03-10T12:00:00.000Z',
          sessionId: '9',
          idempotencyKey: 'k',
          properties: { plan: 'pro', seats: 3 },
          via: 'track',
        },
      ],
    });
  });

  it.each([
    ['2017-03-10T22:21:56+00:00', '2017-03-10T22:21:56.000Z'],
    ['2017-03-10T22:21:56.1234+05:30', '2017-03-10T16:51:56.123Z'],
    ['20170310T222156Z', '2017-03-10T22:21:56.000Z'],
    ['2017-03-10', '2017-03-10T00:00:00.000Z'],
    [1489184516000, '2017-03-10T22:21:56.000Z'],
  ])('reads the timestamp %s', (timestamp, expected) => {
    const heap = new SimulatedHeap();
    expect(track(heap, { timestamp }).status).toBe(200);
    expect(ask(heap, 'events')).toMatchObject({ events: [{ timestamp: expected }] });
  });

  it.each([
    'yesterday',
    '',
    '2017-02-30T00:00:00Z',
    '2017-03-10T25:00:00Z',
    '2017-03-10T22:21:56+24:00',
    {},
    true,
    1e300,
  ])('refuses the timestamp %j', (timestamp) => {
    expect(track(new SimulatedHeap(), { timestamp })).toMatchObject({
      status: 400,
      body: 'timestamp: must be an ISO 8601 date',
    });
  });

  it.each([undefined, null, '', 'x', 'test-app-id', '12a', -1, 1.5, true, []])(
    'refuses the malformed app_id %j',
    (id) => {
      expect(track(new SimulatedHeap(), { app_id: id }).status).toBe(400);
    },
  );

  it.each(['1', '9000000103', 9000000103])('silently accepts the unknown but well-formed app_id %j', (id) => {
    expect(track(new SimulatedHeap(), { app_id: id }).status).toBe(200);
  });

  it('takes event names of up to 1024 characters', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, { event: 'e'.repeat(1024) }).status).toBe(200);
    expect(track(heap, { event: 'e'.repeat(1025) }).status).toBe(400);
    expect(track(heap, { event: '' }).status).toBe(400);
    expect(track(heap, { event: undefined }).status).toBe(400);
    expect(track(heap, { event: 7 }).status).toBe(400);
  });

  it('takes identities of up to 255 characters', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, { identity: 'i'.repeat(255) }).status).toBe(200);
    expect(track(heap, { identity: 'i'.repeat(256) }).status).toBe(400);
    expect(track(heap, { identity: '' }).status).toBe(400);
    expect(track(heap, { identity: 7 }).status).toBe(400);
  });

  it('needs exactly one of identity and user_id', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, { identity: undefined }).status).toBe(400);
    expect(track(heap, { user_id: '1' }).status).toBe(400);
    expect(track(heap, { identity: undefined, user_id: '1' }).status).toBe(200);
    expect(heap.findApp(appId)?.anonymousUsers.get('1')).toMatchObject({ userId: '1', events: 1 });
  });

  it('takes a user_id from 0 to 2^53 - 1, as decimal text or number', () => {
    const heap = new SimulatedHeap();
    const status = (user_id: unknown) => track(heap, { identity: undefined, user_id }).status;
    expect(['0', '9007199254740991', 9007199254740991, 0].map(status)).toEqual([200, 200, 200, 200]);
    expect(['9007199254740992', '-1', '1.5', 'x', '', -1, 2 ** 53, {}].map(status)).toEqual(Array(8).fill(400));
  });

  it.each(['session_id', 'idempotency_key'])('wants %s to be a string', (field) => {
    expect(track(new SimulatedHeap(), { [field]: 7 })).toMatchObject({
      status: 400,
      body: `${field}: must be a string`,
    });
  });
});

describe('properties of an event', () => {
  it('are strings and numbers, kept as they are', () => {
    const heap = new SimulatedHeap();
    track(heap, { properties: { a: 'x', b: 1.5, id: 'fine on events' } });
    expect(heap.findApp(appId)?.events[0]?.properties).toEqual({ a: 'x', b: 1.5, id: 'fine on events' });
  });

  it('may be arrays, joined by || and cut at 1024 characters', () => {
    const heap = new SimulatedHeap();
    track(heap, {
      properties: { flavours: ['vanilla', 'chocolate', 3, true, null], long: ['x'.repeat(900), 'y'.repeat(900)] },
    });
    const properties = heap.findApp(appId)?.events[0]?.properties;
    expect(properties?.flavours).toBe('vanilla||chocolate||3||true');
    expect(properties?.long).toBe(`${'x'.repeat(900)}||${'y'.repeat(122)}`);
  });

  it('may be booleans, kept as text, and nulls, ignored', () => {
    const heap = new SimulatedHeap();
    expect(track(heap, { properties: { yes: true, no: false, nothing: null } }).status).toBe(200);
    expect(heap.findApp(appId)?.events[0]?.properties).toEqual({ yes: 'true', no: 'false' });
  });

  it.each([{ a: { b: 1 } }, { a: [{}] }, { a: [['x']] }, 'text', [1]])('cannot be nested: %j', (properties) => {
    expect(track(new SimulatedHeap(), { properties }).status).toBe(400);
  });

  it('cannot be infinite, although JSON can say 1e999', () => {
    const body = `{"app_id":"1","identity":"a","event":"e","properties":{"n":1e999}}`;
    expect(new SimulatedHeap().handle({ method: 'POST', path: '/api/track', body }, noon).status).toBe(400);
  });

  it('have keys and values of up to 1024 characters', () => {
    const heap = new SimulatedHeap();
    const [fits, tooLong] = ['x'.repeat(1024), 'x'.repeat(1025)];
    expect(track(heap, { properties: { [fits]: fits } }).status).toBe(200);
    expect(track(heap, { properties: { [tooLong]: 'v' } }).status).toBe(400);
    expect(track(heap, { properties: { k: tooLong } })).toMatchObject({
      status: 400,
      body: 'properties["k"]: must have at most 1024 characters',
    });
  });

  it('named __proto__ are data like any other', () => {
    const heap = new SimulatedHeap();
    const body = `{"app_id":"${appId}","identity":"__proto__","event":"e","properties":{"__proto__":true,"constructor":"c"}}`;
    expect(heap.handle({ method: 'POST', path: '/api/track', body }, noon).status).toBe(200);
    expect(JSON.stringify(ask(heap, 'events'))).toContain('"properties":{"__proto__":"true","constructor":"c"}');
    expect(({} as Record<string, unknown>).true).toBeUndefined();
  });
});

describe('the idempotency key', () => {
  it('makes a repeat answer 200 and store nothing: the first write wins', () => {
    const heap = new SimulatedHeap();
    track(heap, { idempotency_key: 'k', properties: { n: 1 } });
    expect(track(heap, { idempotency_key: 'k', properties: { n: 2 } }).status).toBe(200);
    expect(heap.findApp(appId)?.events.map(({ properties }) => properties.n)).toEqual([1]);
    expect(heap.statistics()).toMatchObject({ duplicates: 1, items: { track: 1 } });
  });

  it('counts per user and per app_id', () => {
    const heap = new SimulatedHeap();
    for (const fields of [{}, { identity: 'bob' }, { app_id: '2' }, { identity: undefined, user_id: '1' }]) {
      track(heap, { idempotency_key: 'k', ...fields });
    }
    expect(heap.statistics()).toMatchObject({ duplicates: 0, items: { track: 4 } });
  });

  it('works within one bulk request as well', () => {
    const heap = new SimulatedHeap();
    const event = { identity: 'alice', event: 'e', idempotency_key: 'k' };
    post(heap, '/api/track', { app_id: appId, events: [event, event] });
    expect(heap.statistics()).toMatchObject({ duplicates: 1, items: { track: 1 } });
  });

  it('is remembered within bounds', () => {
    const heap = new SimulatedHeap({ keepIdempotencyKeys: 2 });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'c', 'a']) track(heap, { idempotency_key: key });
    expect(heap.statistics()).toMatchObject({ duplicates: 1, items: { track: 6 } });
  });
});

describe('bulk track', () => {
  it('stores every event under the one app_id', () => {
    const heap = new SimulatedHeap();
    expect(post(heap, '/api/track', { app_id: appId, events: eventsOf('alice', 1000) })).toMatchObject({
      status: 200,
      body: '{}',
    });
    expect(heap.findApp(appId)?.eventCount).toBe(1000);
    expect(heap.findApp(appId)?.events[0]?.via).toBe('bulk track');
  });

  it('refuses more than 1000 events', () => {
    expect(post(new SimulatedHeap(), '/api/track', { app_id: appId, events: eventsOf('alice', 1001) })).toMatchObject({
      status: 400,
      body: 'events: must have at most 1000 items',
    });
  });

  it('is all or nothing: one bad event stores none, and the answer names it', () => {
    const heap = new SimulatedHeap();
    const events = [...eventsOf('alice', 3), { identity: 'bob' }];
    expect(post(heap, '/api/track', { app_id: appId, events })).toMatchObject({
      status: 400,
      body: 'events[3].event: must be a non-empty string',
    });
    expect(heap.findApp(appId)).toBeUndefined();
  });

  it.each(['text', 7, {}])('refuses events that are %j', (events) => {
    expect(track(new SimulatedHeap(), { events }).status).toBe(400);
  });

  it('refuses an event that is not an object', () => {
    const reply = post(new SimulatedHeap(), '/api/track', { app_id: appId, events: [null] });
    expect(reply).toMatchObject({ status: 400, body: 'events[0]: must be an object' });
  });

  it('keeps only counts beyond keepEvents', () => {
    const heap = new SimulatedHeap({ keepEvents: 3 });
    post(heap, '/api/track', { app_id: appId, events: eventsOf('alice', 5) });
    expect(ask(heap, 'state')).toMatchObject({ apps: { [appId]: { events: 5, eventsKept: 3, users: 1 } } });
  });
});
