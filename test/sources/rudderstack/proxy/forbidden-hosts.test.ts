import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

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

describe('the hosts that the delivery proxy sends to', () => {
  let heap: HeapStub;
  let other: HeapStub;
  let transformer: TestTransformer;

  beforeEach(async () => {
    [heap, other] = await Promise.all([startHeapStub(), startHeapStub()]);
  });

  afterEach(async () => {
    await transformer.close();
    await Promise.all([heap.close(), other.close()]);
  });

  /** The host and port of a stub's URL. */
  const hostOf = (stub: HeapStub): string => new URL(stub.url).host;
  const portOf = (stub: HeapStub): string => new URL(stub.url).port;

  async function expectForbidden(endpoint: string): Promise<void> {
    const answer = await transformer.proxy('v1', callOf(endpoint, event, { metadata: jobs(2) }));
    expectVersioned(answer, 200);
    expect(statusesOf(answer)).toEqual([500, 500]);
    expect(answer.output.statTags).toMatchObject({ errorType: 'retryable' });
    const v0 = await transformer.proxy('v0', callOf(endpoint, event, { metadata: job(1) }));
    expectVersioned(v0, 500);
  }

  it('are no others than those of Heap', async () => {
    transformer = await startTestTransformer(heap.url);
    await transformer.proxy('v1', callOf(`${heap.url}/api/track`, event));
    expect(heap.received).toHaveLength(1);
    const [host, port] = [hostOf(heap), portOf(other)];
    const endpoints = [
      `${other.url}/api/track`,
      `http://${host}@127.0.0.1:${port}/api/track`,
      `http://${host}%2F@127.0.0.1:${port}/api/track`,
      `http://127.1:${port}/api/track`,
      `http://2130706433:${port}/api/track`,
      `http://0x7f000001:${port}/api/track`,
      `http://localhost:${portOf(heap)}/api/track`,
      `https://${host}/api/track`,
      `http://user:secret@${host}/api/track`,
      `http://127.0.0.1/api/track`,
      `ftp://${host}/api/track`,
      `file:///etc/passwd`,
      `data:text/plain,hello`,
    ];
    for (const endpoint of endpoints) await expectForbidden(endpoint);
    expect(other.connections()).toBe(0);
    expect(heap.received).toHaveLength(1);
    expect(transformer.log.filter(({ level }) => level === 'error').length).toBe(2 * endpoints.length);
    expect(JSON.stringify(transformer.log)).not.toContain('secret');
  });

  it('are also those that the operator named, with their port', async () => {
    transformer = await startTestTransformer(heap.url, { DELIVERY_ALLOWED_HOSTS: `a.example, ${hostOf(other)}` });
    expect(statusesOf(await transformer.proxy('v1', callOf(`${other.url}/api/track`, event)))).toEqual([200]);
    expect(other.received).toHaveLength(1);
    const third = await startHeapStub();
    await expectForbidden(`${third.url}/api/track`);
    expect(third.connections()).toBe(0);
    await third.close();
  });

  it('are also those that the operator named without a port, on every port', async () => {
    transformer = await startTestTransformer('https://heap.example', { DELIVERY_ALLOWED_HOSTS: '127.0.0.1' });
    expect(statusesOf(await transformer.proxy('v1', callOf(`${other.url}/api/track`, event)))).toEqual([200]);
    expect(statusesOf(await transformer.proxy('v1', callOf(`${heap.url}/api/track`, event)))).toEqual([200]);
  });
});
