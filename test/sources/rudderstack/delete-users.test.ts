import { afterEach, describe, expect, it } from '@jest/globals';

import type { Json } from '../../../src/core/json/json.js';
import type {
  DeletionBackend,
  DeletionOutcome,
  DeletionRequest,
} from '../../../src/sources/rudderstack/deletion-backend.js';
import { deleteUsers, destTypeOf, type DeleteUsersAnswer } from '../../../src/sources/rudderstack/delete-users.js';
import {
  apiKey,
  appId,
  inVirtualTime,
  manyUsers,
  requestPath,
  startRig,
  statusPath,
  tokenPath,
  unaborted,
  type DeletionRig,
} from '../../destinations/heap/deletion/deletion-rig.js';

const config = { appId, apiKey };

function job(fields: Readonly<Record<string, Json>> = {}): Json {
  return { jobId: '1', destType: 'heap', config, userAttributes: [{ userId: 'ann', email: 'a@b.example' }], ...fields };
}

/** Remembers what it was asked for and answers as it is told. */
function recorder(...outcomes: readonly DeletionOutcome[]): DeletionBackend & { readonly asked: DeletionRequest[] } {
  const asked: DeletionRequest[] = [];
  return {
    asked,
    remove: (request) => {
      asked.push(request);
      return Promise.resolve(outcomes[asked.length - 1] ?? { type: 'complete' });
    },
  };
}

async function answerTo(body: Json, backend: DeletionBackend = recorder()): Promise<DeleteUsersAnswer> {
  const answer = await deleteUsers(body, { backend }, unaborted);
  // The worker reads an array of objects with strings in them, or nothing at all.
  for (const { statusCode, status, error } of answer.results) {
    expect(typeof status).toBe('string');
    expect(['string', 'undefined']).toContain(typeof error);
    expect([404, 405]).not.toContain(statusCode);
  }
  expect(answer.httpStatus).toBe(answer.results[0]?.statusCode);
  return answer;
}

describe('the body of /deleteUsers', () => {
  it('asks for the deletion of the users it names', async () => {
    const backend = recorder();
    const userAttributes = [{ userId: 'ann', phone: '1' }, { userId: 42 }, { userId: 'Ünal 😀', email: null }];
    const answer = await answerTo([job({ userAttributes })], backend);
    expect(answer).toEqual({ httpStatus: 200, results: [{ statusCode: 200, status: 'successful' }] });
    const identities = ['ann', '42', 'Ünal 😀'];
    expect(backend.asked).toEqual([{ credentials: { appId, apiKey }, identities, jobId: '1' }]);
  });

  it('takes numbers and white space in the configuration', async () => {
    const backend = recorder();
    await answerTo([job({ jobId: 7, config: { appId: 3000610572, apiKey: ' k ' } })], backend);
    expect(backend.asked).toEqual([
      { credentials: { appId: '3000610572', apiKey: 'k' }, identities: ['ann'], jobId: '7' },
    ]);
  });

  it('needs no job id', async () => {
    const backend = recorder();
    await answerTo([job({ jobId: null })], backend);
    expect(backend.asked).toEqual([{ credentials: { appId, apiKey }, identities: ['ann'] }]);
  });

  it('deletes a user id with white space around it as it is and trimmed', async () => {
    const backend = recorder();
    await answerTo([job({ userAttributes: [{ userId: ' ann ' }] })], backend);
    expect(backend.asked[0]?.identities).toEqual([' ann ', 'ann']);
  });

  it.each<readonly [string, Readonly<Record<string, Json>>, string]>([
    ['no config', { config: null }, 'config.appId is missing, config.apiKey is missing'],
    ['a config that is no object', { config: 'x' }, 'config.appId is missing, config.apiKey is missing'],
    ['no app id', { config: { apiKey } }, 'config.appId is missing'],
    ['a blank app id', { config: { appId: ' ', apiKey } }, 'config.appId is missing'],
    ['no API key', { config: { appId } }, 'config.apiKey is missing'],
    ['an API key that is an object', { config: { appId, apiKey: {} } }, 'config.apiKey is missing'],
    ['no users', { userAttributes: null }, 'userAttributes must be a list of users and not empty'],
    ['an empty list of users', { userAttributes: [] }, 'userAttributes must be a list of users and not empty'],
    ['users that are no list', { userAttributes: {} }, 'userAttributes must be a list of users and not empty'],
    ...(
      [
        [{}],
        [{ email: 'a@b.example' }],
        [{ userId: null }],
        [{ userId: '' }],
        [{ userId: ' \t' }],
        [{ userId: true }],
        [{ userId: {} }],
        [{ userId: ['x'] }],
        [{ userId: 2 ** 53 }],
        [{ userId: Number.POSITIVE_INFINITY }],
        [{ userId: 'a\0b' }],
        [{ userId: 'a\ud800' }],
        ['ann'],
        [null],
      ] as const
    ).map(
      ([user]) =>
        [
          `the user ${JSON.stringify(user)}`,
          { userAttributes: [{ userId: 'ann' }, user] },
          'userAttributes[1].userId is missing, blank, or not an id',
        ] as const,
    ),
  ])('with %s is refused, and nothing is deleted', async (_, fields, error) => {
    const backend = recorder();
    expect(await answerTo([job(fields)], backend)).toEqual({
      httpStatus: 400,
      results: [{ statusCode: 400, status: 'failed', error: `${error}; nothing was deleted` }],
    });
    expect(backend.asked).toEqual([]);
  });

  it.each([[null], [{}], ['x'], [[]], [[null]], [['x']], [[[]]]])(
    'that is %j is refused in a form that the worker can read',
    async (body) => {
      const backend = recorder();
      const { httpStatus, results } = await answerTo(body, backend);
      expect(httpStatus).toBe(400);
      expect(results).toEqual([
        { statusCode: 400, status: 'failed', error: expect.stringContaining('nothing was deleted') },
      ]);
      expect(backend.asked).toEqual([]);
    },
  );

  it('may hold several jobs, each with a result of its own, and the first one gives the HTTP status', async () => {
    const pending = { type: 'pending', detail: 'not yet' } as const;
    const backend = recorder({ type: 'complete' }, pending);
    const body = [job(), job({ config: {} }), job({ jobId: '2' }), job({ destType: 'am' })];
    const { httpStatus, results } = await answerTo(body, backend);
    expect(httpStatus).toBe(200);
    expect(results.map(({ statusCode }) => statusCode)).toEqual([200, 400, 503, 400]);
    expect(backend.asked.map(({ jobId }) => jobId)).toEqual(['1', '2']);
  });

  it('without an API key is served with the one of the operator', async () => {
    const backend = recorder();
    const apiKeyOf = (id: string) => (id === appId ? 'theirs' : undefined);
    await deleteUsers([job({ config: { appId } }), job()], { backend, apiKeyOf }, unaborted);
    expect(backend.asked.map(({ credentials }) => credentials.apiKey)).toEqual(['theirs', apiKey]);
    const other = await deleteUsers([job({ config: { appId: '1' } })], { backend, apiKeyOf }, unaborted);
    expect(other.results[0]?.error).toBe('config.apiKey is missing; nothing was deleted');
  });
});

describe('the answer of /deleteUsers', () => {
  it.each<readonly [DeletionOutcome, number, string]>([
    [{ type: 'pending', detail: 'd' }, 503, 'd; send the same request again to ask how far it is'],
    [{ type: 'unauthorized', detail: 'd' }, 401, 'config.appId and config.apiKey are not accepted: d'],
    [{ type: 'refused', detail: 'd' }, 400, 'the deletion was refused: d'],
    [
      { type: 'throttled', detail: 'd', afterMs: 1_001 },
      429,
      'too many requests: d; send the same request again in 2 s',
    ],
    [{ type: 'throttled', detail: 'd' }, 429, 'too many requests: d; send the same request again'],
    [{ type: 'unavailable', detail: 'd' }, 503, 'no deletion yet: d; send the same request again'],
  ])('to %j has a status that makes the worker try again', async (outcome, statusCode, error) => {
    expect(await answerTo([job()], recorder(outcome))).toEqual({
      httpStatus: statusCode,
      results: [{ statusCode, status: 'failed', error }],
    });
  });
});

describe('the type of the destination', () => {
  it.each<readonly [Json, string | undefined]>([
    [[job()], 'heap'],
    [[job({ destType: ' HEAP ' })], 'heap'],
    [[job({ destType: 'am' }), job()], 'am'],
    [[job({ destType: 7 })], undefined],
    [[], undefined],
    [[null], undefined],
    [{ destType: 'heap' }, undefined],
    [null, undefined],
  ])('of %j is %j', (body, expected) => {
    expect(destTypeOf(body)).toBe(expected);
  });
});

describe('/deleteUsers over Heap', () => {
  let rig: DeletionRig | undefined;

  afterEach(async () => {
    expect(rig?.clock.sleeping).toBe(0);
    await rig?.close();
  });

  /** Asks as the worker does: the same body until it hears 200. */
  async function work(started: DeletionRig, body: Json, maxAttempts = 10): Promise<readonly number[]> {
    const backend: DeletionBackend = started.newDeletion();
    const heard: number[] = [];
    while (heard.length < maxAttempts && heard.at(-1) !== 200) {
      const { httpStatus } = await inVirtualTime(started.clock, answerTo(body, backend));
      heard.push(httpStatus);
    }
    return heard;
  }

  it('is 503 until the users are gone, and then 200, with one deletion at Heap', async () => {
    rig = await startRig({ deletionDelayMs: 50_000 });
    rig.track('ann', 'bob');
    expect(await work(rig, [job()])).toEqual([503, 503, 200]);
    expect(rig.users()).toEqual(['bob']);
    expect(rig.calls().request).toBe(1);
    expect(rig.simulator.heap.statistics().requests[requestPath]).toEqual({ '201': 1 });
  });

  it('deletes 25,000 users in three requests', async () => {
    rig = await startRig({ deletionDelayMs: 30_000 });
    const all = manyUsers(25_000);
    rig.track('user-0', 'user-9999', 'user-10000', 'user-24999', 'somebody else');
    expect(await work(rig, [job({ userAttributes: all.map((userId) => ({ userId })) })])).toEqual([503, 200]);
    expect(rig.calls().request).toBe(3);
    expect(rig.users()).toEqual(['somebody else']);
  });

  it('says that credentials are wrong, without the key', async () => {
    rig = await startRig();
    const answer = await answerTo([job({ config: { appId, apiKey: 'my-wrong-key' } })], rig.newDeletion());
    expect(answer.httpStatus).toBe(401);
    expect(answer.results[0]?.error).toBe(
      'config.appId and config.apiKey are not accepted: HTTP 401: Unauthorized; for deletions Heap takes only the app id of the Main Production environment',
    );
    expect(rig.calls().request).toBe(0);
  });

  it.each([
    ['429 at the token', tokenPath, { status: 429, retryAfter: 30 }, 429],
    ['500 at the request', requestPath, { status: 500 }, 503],
    ['404 at the request', requestPath, { status: 404 }, 400],
    ['a broken connection at the status', statusPath, { reset: true }, 503],
    ['429 at the status', statusPath, { status: 429 }, 429],
  ] as const)('passes %s on and gets there all the same', async (_, path, action, statusCode) => {
    rig = await startRig();
    rig.track('ann');
    rig.faults({ match: { path, times: 1 }, action });
    expect(await work(rig, [job()])).toEqual([statusCode, 200]);
    expect(rig.users()).toEqual([]);
  });

  it('is 503 when Heap does not answer', async () => {
    rig = await startRig({}, 50);
    rig.faults({ match: { path: tokenPath }, action: { hang: true } });
    const { httpStatus, results } = await answerTo([job()], rig.newDeletion());
    expect(httpStatus).toBe(503);
    expect(results[0]?.error).toMatch(/^no deletion yet: timeout: /);
  });

  it('tells in the words of Heap what Heap refuses, and goes on refusing', async () => {
    rig = await startRig();
    rig.track('ann');
    const body = [job({ userAttributes: [{ userId: 'ann' }, { userId: 'x'.repeat(256) }] })];
    expect(await work(rig, body, 2)).toEqual([400, 400]);
    const { results } = await answerTo(body, rig.newDeletion());
    expect(results[0]?.error).toContain('users[1].identity: must have at most 255 characters');
    expect(rig.users()).toEqual(['ann']);
  });
});
