import { afterEach, describe, expect, it } from '@jest/globals';

import { createDeletionClient } from '../../../../src/destinations/heap/deletion/deletion-client.js';
import type { FaultAction } from '../../../../src/destinations/heap/simulator/fault-rule.js';
import {
  apiKey,
  appId,
  credentials,
  manyUsers,
  requestPath,
  startRig,
  statusPath,
  tokenPath,
  unaborted,
  type DeletionRig,
} from './deletion-rig.js';

let rig: DeletionRig | undefined;

async function start(...options: Parameters<typeof startRig>): Promise<DeletionRig> {
  rig = await startRig(...options);
  return rig;
}

afterEach(async () => {
  await rig?.close();
});

async function tokenOf({ client }: DeletionRig): Promise<string> {
  const outcome = await client.token(credentials, unaborted);
  return outcome.type === 'ok' ? outcome.token : outcome.detail;
}

async function requestIdOf(started: DeletionRig, ...identities: readonly string[]): Promise<string> {
  const outcome = await started.client.requestDeletion(await tokenOf(started), identities, unaborted);
  return outcome.type === 'ok' ? outcome.requestId : outcome.detail;
}

/** The outcome of a token call that goes wrong in this way. */
async function tokenOutcome(action: FaultAction, requestTimeoutMs?: number): Promise<unknown> {
  const { client, faults } = await start({}, requestTimeoutMs);
  faults({ match: { path: tokenPath }, action });
  return client.token(credentials, unaborted);
}

describe('the token', () => {
  it('is given for the app id and its API key', async () => {
    expect(await tokenOf(await start())).toMatch(/^[0-9a-f]{40}$/);
  });

  it('is refused to a wrong API key, which is not in what is told of it', async () => {
    const { client } = await start();
    const outcome = await client.token({ appId, apiKey: 'my-wrong-key' }, unaborted);
    expect(outcome).toEqual({
      type: 'unauthorized',
      detail: 'HTTP 401: Unauthorized; for deletions Heap takes only the app id of the Main Production environment',
    });
  });

  it('may be longer than the answers that are kept for logs', async () => {
    const body = JSON.stringify({ access_token: 'x'.repeat(3_000) });
    expect(await tokenOutcome({ status: 200, body })).toEqual({ type: 'ok', token: 'x'.repeat(3_000) });
  });

  it.each(['{}', '', 'welcome', '[]', '{"access_token":""}', '{"access_token":7}', '{"access_token":"a\\r\\nb"}'])(
    'is missing where Heap answers 200 with %j',
    async (body) => {
      expect(await tokenOutcome({ status: 200, body })).toEqual({ type: 'unavailable', detail: 'HTTP 200' });
    },
  );

  it('is asked for at a base URL with a slash at its end as well', async () => {
    const { simulator, http } = await start();
    const client = createDeletionClient({ http, baseUrl: `${simulator.url}/` });
    expect(await client.token(credentials, unaborted)).toMatchObject({ type: 'ok' });
  });
});

describe('a deletion request', () => {
  it('is taken, pending, and then complete with its users gone', async () => {
    const started = await start({ deletionDelayMs: 5_000 });
    const { client, clock, track, users } = started;
    track('ann', 'bob', 'Ü "quoted" \\ 😀');
    const requestId = await requestIdOf(started, 'ann', 'Ü "quoted" \\ 😀');
    const token = await tokenOf(started);
    expect(await client.deletionStatus(token, requestId, unaborted)).toEqual({ type: 'ok', status: 'pending' });
    await clock.advance(5_000);
    expect(await client.deletionStatus(token, requestId, unaborted)).toEqual({ type: 'ok', status: 'complete' });
    expect(users()).toEqual(['bob']);
  });

  it('of more users than Heap takes is refused in its words', async () => {
    const started = await start();
    const users = manyUsers(10_001);
    const outcome = await started.client.requestDeletion(await tokenOf(started), users, unaborted);
    expect(outcome).toEqual({
      type: 'refused',
      detail: 'HTTP 400: Bad Request: users: must have at most 10000 items',
    });
    expect(await started.client.requestDeletion(await tokenOf(started), users.slice(1), unaborted)).toMatchObject({
      type: 'ok',
    });
  });

  it('with a token of five minutes ago is unauthorized', async () => {
    const started = await start();
    const token = await tokenOf(started);
    await started.clock.advance(300_000);
    const outcome = await started.client.requestDeletion(token, ['ann'], unaborted);
    expect(outcome).toMatchObject({ type: 'unauthorized' });
    expect(JSON.stringify(outcome)).not.toContain(token);
  });

  it('without an id in the answer can not be asked about', async () => {
    const started = await start();
    started.faults({ match: { path: requestPath }, action: { status: 201, body: '{"status":"pending"}' } });
    const outcome = await started.client.requestDeletion(await tokenOf(started), ['ann'], unaborted);
    expect(outcome).toEqual({ type: 'unavailable', detail: 'HTTP 201' });
  });
});

describe('the status of a deletion', () => {
  it.each(['no-such-id', '../../../api/track', 'a?b#c'])('of the id %j is unknown', async (requestId) => {
    const started = await start();
    const outcome = await started.client.deletionStatus(await tokenOf(started), requestId, unaborted);
    expect(outcome).toEqual({ type: 'unknown' });
    expect(started.calls().status).toBe(1);
  });

  it('in a word that Heap does not document is neither pending nor complete', async () => {
    const started = await start();
    const requestId = await requestIdOf(started, 'ann');
    started.faults({ match: { path: statusPath }, action: { status: 200, body: '{"status":"failed"}' } });
    const outcome = await started.client.deletionStatus(await tokenOf(started), requestId, unaborted);
    expect(outcome).toEqual({ type: 'unavailable', detail: 'HTTP 200' });
  });
});

describe('an answer that is no 2xx', () => {
  const body = '{"access_token":"t","deletion_request_id":"r","status":"complete"}';

  it.each([302, 400, 500])('but %d is a failure, whatever it carries', async (status) => {
    const { client, faults } = await start();
    faults({ action: { status, body } });
    const type = status === 500 ? 'unavailable' : 'refused';
    expect(await client.token(credentials, unaborted)).toMatchObject({ type });
    expect(await client.requestDeletion('t', ['ann'], unaborted)).toMatchObject({ type });
    expect(await client.deletionStatus('t', 'r', unaborted)).toMatchObject({ type });
  });
});

describe('what Heap says of a failure', () => {
  it.each([
    ['{"err":{"message":"no such thing","code":7}}', 'HTTP 400: no such thing'],
    ['{"err":"no such thing"}', 'HTTP 400: no such thing'],
    ['{"error":"Bad Request","message":"users: is missing"}', 'HTTP 400: Bad Request: users: is missing'],
    ['{"error":{"message":"nested"}}', 'HTTP 400: nested'],
    ['{"error":"twice","message":"twice"}', 'HTTP 400: twice'],
    ['{"message":"two\\r\\nlines\\u0000"}', 'HTTP 400: two lines'],
    ['{"err":7,"error":[],"message":" "}', 'HTTP 400'],
    ['<html>no</html>', 'HTTP 400'],
    ['', 'HTTP 400'],
  ])('is read of %j', async (body, detail) => {
    expect(await tokenOutcome({ status: 400, body })).toEqual({ type: 'refused', detail });
  });

  it('is cut to 300 characters', async () => {
    const outcome = await tokenOutcome({ status: 400, body: JSON.stringify({ message: 'x'.repeat(5_000) }) });
    expect(outcome).toEqual({ type: 'refused', detail: `HTTP 400: ${'x'.repeat(290)}` });
  });

  it('never holds the credentials, even where Heap echoes them at the place of the cut', async () => {
    const basic = Buffer.from(`${appId}:${apiKey}`).toString('base64');
    for (let padding = 270; padding < 300; padding += 1) {
      const body = JSON.stringify({ err: `${'x'.repeat(padding)} ${apiKey} ${basic}` });
      const outcome = JSON.stringify(await tokenOutcome({ status: 401, body }));
      expect(outcome).not.toContain('test-');
      expect(outcome).not.toContain(basic.slice(0, 4));
      await rig?.close();
    }
  });
});

describe('a failure', () => {
  it.each([301, 302, 400, 402, 404, 405, 409, 413, 415, 422])('with status %d is a refusal', async (status) => {
    expect(await tokenOutcome({ status })).toEqual({ type: 'refused', detail: `HTTP ${status}` });
  });

  it.each([401, 403])('with status %d is about the credentials', async (status) => {
    expect(await tokenOutcome({ status })).toMatchObject({ type: 'unauthorized' });
  });

  it.each([408, 421, 425, 500, 502, 503, 504, 599])('with status %d may pass', async (status) => {
    expect(await tokenOutcome({ status })).toEqual({ type: 'unavailable', detail: `HTTP ${status}` });
  });

  it.each([
    [7, 7_000],
    ['date', 5_000],
  ] as const)('with status 429 and Retry-After %p tells when to come back', async (retryAfter, afterMs) => {
    const outcome = await tokenOutcome({ status: 429, retryAfter });
    expect(outcome).toEqual({ type: 'throttled', detail: 'HTTP 429', afterMs });
  });

  it('with status 429 alone does not tell when', async () => {
    expect(await tokenOutcome({ status: 429 })).toEqual({ type: 'throttled', detail: 'HTTP 429' });
  });

  it('with status 503 and Retry-After tells when to come back', async () => {
    const outcome = await tokenOutcome({ status: 503, retryAfter: 60 });
    expect(outcome).toEqual({ type: 'unavailable', detail: 'HTTP 503', afterMs: 60_000 });
  });

  it('without an answer is a timeout', async () => {
    const outcome = await tokenOutcome({ hang: true }, 50);
    expect(outcome).toMatchObject({ type: 'unavailable', detail: expect.stringMatching(/^timeout: /) });
  });

  it('of the connection is a network fault', async () => {
    const outcome = await tokenOutcome({ reset: true });
    expect(outcome).toMatchObject({ type: 'unavailable', detail: expect.stringMatching(/^network: /) });
  });

  it('by the caller breaking off is a network fault', async () => {
    const { client } = await start();
    expect(await client.token(credentials, AbortSignal.abort())).toMatchObject({ type: 'unavailable' });
  });
});
