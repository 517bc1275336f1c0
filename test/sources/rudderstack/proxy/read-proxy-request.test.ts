import { describe, expect, it } from '@jest/globals';

import fc from 'fast-check';

import type { Json, JsonObject } from '../../../../src/core/json/json.js';
import { readProxyRequest, type ProxyRequest } from '../../../../src/sources/rudderstack/proxy/read-proxy-request.js';
import { callOf, job, jobs } from '../../../support/proxy.js';

const endpoint = 'https://heapanalytics.com/api/track';
const call = (more: JsonObject = {}): JsonObject => callOf(endpoint, { event: 'a' }, more);

function read(body: Json): ProxyRequest {
  const result = readProxyRequest(body);
  if (!result.ok) throw new Error(result.message);
  return result.request;
}

describe('a proxy call', () => {
  it('is read of either version', () => {
    expect(read(call({ metadata: job(1) })).metadata).toEqual([job(1)]);
    expect(read(call({ metadata: jobs(2) })).metadata).toEqual(jobs(2));
    expect(read(call({ metadata: [] })).metadata).toEqual([]);
    expect(read(call({ metadata: null })).metadata).toEqual([]);
  });

  it('has its headers in lower case, but for those that are the connection’s', () => {
    const headers = { 'X-A': '1', ACCEPT: 'text/plain', Host: 'x', 'Content-Length': '1', 'X-Jobs-Per-Item': '2,1' };
    expect(read(call({ headers }))).toMatchObject({
      headers: { 'x-a': '1', accept: 'text/plain' },
      jobsPerItem: '2,1',
    });
    expect(Object.keys(read(call({ headers })).headers)).toEqual(['x-a', 'accept']);
  });

  it('may leave out all that rudder-server need not send', () => {
    const request = read({ endpoint, method: 'POST', body: { JSON: { a: 1 } } });
    expect(request).toEqual({
      url: new URL(endpoint),
      headers: {},
      body: { a: 1 },
      metadata: [],
      jobsPerItem: undefined,
    });
  });

  it('keeps what it calls its path out of the URL', () => {
    expect(read(call({ endpointPath: '/elsewhere' })).url.href).toBe(endpoint);
  });

  it('changes no host by its params', () => {
    const params = { '@evil.example': '/', '': '//evil.example', 'a#b': '?' };
    expect(read(call({ params })).url.origin).toBe('https://heapanalytics.com');
    expect([...read(call({ params })).url.searchParams]).toEqual(Object.entries(params));
  });

  it.each<[string, JsonObject]>([
    ['no endpoint', { endpoint: null }],
    ['an endpoint that is no URL', { endpoint: '/api/track' }],
    ['an endpoint that is no text', { endpoint: { url: endpoint } }],
    ['another method', { method: 'GET' }],
    ['no method', { method: null }],
    ['no body', { body: null }],
    ['an empty body', { body: { JSON: {}, FORM: {} } }],
    ['a body that is no JSON', { body: { JSON: {}, FORM: { a: '1' } } }],
    ['a list for a body', { body: { JSON: [1] } }],
  ])('with %s is refused, for all of its jobs', (_name, members) => {
    expect(readProxyRequest(call({ metadata: jobs(2), ...members }))).toEqual({
      ok: false,
      message: expect.stringMatching(/\w/),
      metadata: jobs(2),
    });
  });

  it('that is anything at all is read or refused, and throws nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (headers, params, metadata, any) => {
        const result = readProxyRequest(call({ headers, params, metadata } as JsonObject));
        expect(result.ok).toBe(true);
        expect(readProxyRequest(any as Json).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
