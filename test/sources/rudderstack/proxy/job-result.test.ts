import { describe, expect, it } from '@jest/globals';

import { isRefusal, resultOf } from '../../../../src/sources/rudderstack/proxy/job-result.js';

describe('what a reply of Heap means for a job', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'EAI_AGAIN',
    'ECONNABORTED',
    'ENOTFOUND',
    'EPIPE',
    'EHOSTUNREACH',
  ])('is that it is sent again, for %s', (code) => {
    const detail = `${code}: something with heapanalytics.com`;
    expect(resultOf({ type: 'noAnswer', cause: 'network', detail })).toEqual({
      status: 500,
      text: `[${code}] :: ${detail}`,
      headers: {},
      isUnanswered: true,
    });
  });

  it('is that it is sent again, for a fault of the network without a name and for a timeout', () => {
    expect(resultOf({ type: 'noAnswer', cause: 'network', detail: 'no answer' })).toMatchObject({ status: 500 });
    expect(resultOf({ type: 'noAnswer', cause: 'timeout', detail: 'too late' })).toEqual({
      status: 500,
      text: '[ETIMEDOUT] :: too late',
      headers: {},
      isUnanswered: true,
    });
  });

  it.each([
    [200, 200],
    [201, 200],
    [299, 200],
    [300, 300],
    [304, 304],
    [400, 400],
    [404, 404],
    [408, 408],
    [429, 429],
    [500, 500],
    [503, 503],
  ])('is for a %d the status %d', (status, expected) => {
    const headers = { 'set-cookie': ['a=1', 'b=2'], 'x-one': '1', 'x-many': ['1', '2'], 'x-none': undefined };
    expect(resultOf({ type: 'answer', status, body: 'words', headers })).toEqual({
      status: expected,
      text: 'words',
      headers: { 'x-one': '1', 'x-many': '1, 2' },
    });
  });

  it('is a refusal for the statuses that speak of the request itself, and for no others', () => {
    const refusals = [200, 302, 400, 401, 403, 404, 408, 413, 422, 429, 500, 503].filter((status) =>
      isRefusal({ status, text: '', headers: {} }),
    );
    expect(refusals).toEqual([400, 413, 422]);
  });
});
