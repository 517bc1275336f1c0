import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { startTcpProxy } from '../../../support/postgres/tcp-proxy.js';
import { chunk } from '../new-rows.js';
import { LaneRecorder, until } from './lane-recorder.js';
import { openStore } from './postgres-harness.js';

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

it('a lane that could not be given back is free when its lease is over: whoever has it sends it no more', async () => {
  const url = await server.newUrl();
  const proxy = await startTcpProxy(server.port);
  const times = { leaseMs: 2_000, requestMs: 500, pollMs: 100 };
  const store = await openStore({ url: url.replace(`:${server.port}/`, `:${proxy.port}/`), ...times, callMs: 600 });
  const other = await openStore({ url, ...times });
  try {
    const listener = new LaneRecorder();
    await store.claim(listener);
    await store.append([chunk('us:1', ['a'])]);
    const lane = await listener.lane('us:1');
    proxy.cut();
    await expect(lane.release('{}')).rejects.toThrow();
    proxy.mend();
    proxy.reset();
    const others = new LaneRecorder();
    await other.claim(others);
    await until(() => listener.claims.length + others.claims.length > 1, 'claimed again');
  } finally {
    await Promise.all([store.close(), other.close()]);
    await proxy.close();
  }
});
