import type { ServerResponse } from 'node:http';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import {
  callOf,
  event,
  expectVersioned,
  job,
  jobs,
  startHeapStub,
  startTestTransformer,
  statusesOf,
  type HeapStub,
  type TestTransformer,
} from '../../../support/proxy.js';

describe('the delivery proxy', () => {
  let heap: HeapStub;
  let transformer: TestTransformer;
  let respond: (response: ServerResponse) => void;
  let track: string;

  beforeAll(async () => {
    heap = await startHeapStub((response) => {
      respond(response);
    });
    transformer = await startTestTransformer(heap.url);
    track = `${heap.url}/api/track`;
  });

  afterAll(async () => {
    await transformer.close();
    await heap.close();
  });

  beforeEach(() => {
    respond = (response) => response.end('{}');
  });

  describe('keeps the time that a call has', () => {
    it.each(['v0', 'v1'] as const)('%s: that RdProxy-Timeout names, before a Heap that hangs', async (version) => {
      respond = () => undefined;
      const startedAt = performance.now();
      const metadata = version === 'v0' ? job(1) : jobs(3);
      const answer = await transformer.proxy(version, callOf(track, event, { metadata }), { 'RdProxy-Timeout': '120' });
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(115);
      expectVersioned(answer, version === 'v0' ? 500 : 200);
      expect(answer.output.status).toBe(500);
      expect(answer.output.statTags).toMatchObject({ errorType: 'retryable' });
      if (version === 'v1') expect(statusesOf(answer)).toEqual([500, 500, 500]);
    });

    it('before an answer that begins and does not end', async () => {
      respond = (response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{');
      };
      const answer = await transformer.proxy('v1', callOf(track, event), { 'RdProxy-Timeout': '100' });
      expect(statusesOf(answer)).toEqual([500]);
    });

    it('says that it was the time', async () => {
      respond = () => undefined;
      const calls = Array.from({ length: 10 }, (_unused, index) =>
        transformer.proxy('v1', callOf(track, event), { 'RdProxy-Timeout': String(50 + index) }),
      );
      for (const { output } of await Promise.all(calls)) {
        expect(output.response?.[0]?.error).toMatch(/^"\[ETIMEDOUT\] :: /);
      }
    });

    it('that is its own where the call names none, or none that is a time', async () => {
      const impatient = await startTestTransformer(heap.url, { REQUEST_TIMEOUT_IN_MS: '100' });
      respond = () => undefined;
      try {
        for (const headers of [{}, ...['', '0', '-1', 'soon', 'NaN'].map((text) => ({ 'RdProxy-Timeout': text }))]) {
          expect(statusesOf(await impatient.proxy('v1', callOf(track, event), headers))).toEqual([500]);
        }
      } finally {
        await impatient.close();
      }
    });

    it.each(['10000', '1e4', '10000.5', '999999999999', 'Infinity', '0x2710'])(
      'takes %s for a time, or for none',
      async (text) => {
        const answer = await transformer.proxy('v1', callOf(track, event), { 'RdProxy-Timeout': text });
        expectVersioned(answer, 200);
        expect(statusesOf(answer)).toEqual([200]);
      },
    );
  });
});
