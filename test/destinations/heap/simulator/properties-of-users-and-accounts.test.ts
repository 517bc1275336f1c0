import { describe, expect, it } from '@jest/globals';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, ask, post } from './post-to-heap.js';

const users = '/api/add_user_properties';
const accounts = '/api/add_account_properties';

function propertiesOf(heap: SimulatedHeap, identity: string): unknown {
  return Object.fromEntries(heap.findApp(appId)?.users.get(identity)?.properties ?? []);
}

describe('POST /api/add_user_properties', () => {
  it('creates a user with no events and answers 200 {}', () => {
    const heap = new SimulatedHeap();
    expect(post(heap, users, { app_id: appId, identity: 'alice', properties: { plan: 'pro' } })).toMatchObject({
      status: 200,
      body: '{}',
    });
    expect(ask(heap, 'users')).toMatchObject({
      total: 1,
      anonymousTotal: 0,
      users: [{ identity: 'alice', properties: { plan: 'pro' }, userIds: [], events: 0 }],
    });
  });

  it('overwrites what it is given and keeps the rest', () => {
    const heap = new SimulatedHeap();
    post(heap, users, { app_id: appId, identity: 'alice', properties: { plan: 'free', city: 'Oslo' } });
    post(heap, users, { app_id: appId, identity: 'alice', properties: { plan: 'pro', city: null } });
    expect(propertiesOf(heap, 'alice')).toEqual({ plan: 'pro', city: 'Oslo' });
  });

  it('accepts the reserved key id in any casing, ignores it and counts it', () => {
    const heap = new SimulatedHeap();
    const properties = { id: 1, ID: 2, Id: 3, iD: 4, plan: 'pro' };
    expect(post(heap, users, { app_id: appId, identity: 'alice', properties }).status).toBe(200);
    expect(propertiesOf(heap, 'alice')).toEqual({ plan: 'pro' });
    expect(heap.statistics().reservedKeysIgnored).toBe(4);
  });

  it('makes another property of an email in another casing', () => {
    const heap = new SimulatedHeap();
    post(heap, users, { app_id: appId, identity: 'alice', properties: { email: 'a@b', Email: 'c@d' } });
    expect(propertiesOf(heap, 'alice')).toEqual({ email: 'a@b', Email: 'c@d' });
  });

  it('needs an identity: a user_id is no alternative here', () => {
    const heap = new SimulatedHeap();
    expect(post(heap, users, { app_id: appId, user_id: '1' }).status).toBe(400);
    expect(post(heap, users, { app_id: appId, identity: 'i'.repeat(256) }).status).toBe(400);
    expect(post(heap, users, { app_id: appId, identity: 'alice' }).status).toBe(200);
  });

  it('takes up to 1000 users in bulk, all or nothing', () => {
    const heap = new SimulatedHeap();
    const list = Array.from({ length: 1001 }, (_, n) => ({ identity: `user ${n}`, properties: { n } }));
    expect(post(heap, users, { app_id: appId, users: list }).status).toBe(400);
    expect(post(heap, users, { app_id: appId, users: [...list.slice(0, 2), { identity: '' }] })).toMatchObject({
      status: 400,
      body: 'users[2].identity: must be a non-empty string',
    });
    expect(heap.findApp(appId)).toBeUndefined();
    expect(post(heap, users, { app_id: appId, users: list.slice(0, 1000) }).status).toBe(200);
    expect(heap.findApp(appId)?.users.size).toBe(1000);
  });

  it('lets the last write of a bulk request win', () => {
    const heap = new SimulatedHeap();
    const list = [1, 2].map((n) => ({ identity: 'alice', properties: { n } }));
    post(heap, users, { app_id: appId, users: list });
    expect(propertiesOf(heap, 'alice')).toEqual({ n: 2 });
  });
});

describe('POST /api/add_account_properties', () => {
  it('answers OK as plain text', () => {
    const heap = new SimulatedHeap();
    const reply = post(heap, accounts, { app_id: appId, account_id: 'acme', properties: { seats: 3 } });
    expect(reply).toMatchObject({ status: 200, body: 'OK' });
    expect(reply.headers['content-type']).toContain('text/plain');
    expect(ask(heap, 'accounts')).toMatchObject({
      total: 1,
      accounts: [{ accountId: 'acme', properties: { seats: 3 } }],
    });
  });

  it('takes the app_id as an integer too', () => {
    expect(post(new SimulatedHeap(), accounts, { app_id: 123, account_id: 'acme' }).status).toBe(200);
  });

  it('refuses with a message in plain text', () => {
    const reply = post(new SimulatedHeap(), accounts, { app_id: appId, properties: {} });
    expect(reply).toMatchObject({ status: 400, body: 'account_id: must be a non-empty string' });
    expect(reply.headers['content-type']).toContain('text/plain');
  });

  it('takes up to 1000 accounts in bulk, all or nothing', () => {
    const heap = new SimulatedHeap();
    const list = Array.from({ length: 1001 }, (_, n) => ({ account_id: `account ${n}`, properties: { n } }));
    expect(post(heap, accounts, { app_id: appId, accounts: list }).status).toBe(400);
    expect(post(heap, accounts, { app_id: appId, accounts: [{ account_id: 'a', properties: { o: {} } }] }).status).toBe(
      400,
    );
    expect(heap.findApp(appId)).toBeUndefined();
    expect(post(heap, accounts, { app_id: appId, accounts: list.slice(1) }).status).toBe(200);
    expect(heap.findApp(appId)?.accounts.size).toBe(1000);
  });

  it('takes either the single form or the list, not both', () => {
    const body = { app_id: appId, account_id: 'acme', accounts: [{ account_id: 'acme' }] };
    expect(post(new SimulatedHeap(), accounts, body).status).toBe(400);
  });

  it('has no rate limit', () => {
    const heap = new SimulatedHeap();
    const statuses = Array.from(
      { length: 100 },
      () => post(heap, accounts, { app_id: appId, account_id: 'acme' }).status,
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
