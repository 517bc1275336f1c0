import { afterEach, describe, expect, it } from '@jest/globals';

import { startTestService, type ServiceOptions, type TestService } from '../support/running-service.js';

let running: TestService | undefined;

async function start(options: ServiceOptions): Promise<TestService> {
  running = await startTestService(options);
  return running;
}

afterEach(async () => {
  await running?.close();
  running = undefined;
});

function post(url: string, headers: Readonly<Record<string, string>>, body: unknown): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

const event = { type: 'track', event: 'Ordered', userId: 'ann', messageId: 'm1' };

describe('the webhook of a connection', () => {
  it('brings events to Heap for whoever shows its secret, and for nobody else', async () => {
    const service = await start({ webhook: { secret: 'a secret of some length' } });
    const url = `${service.dataUrl}/v1/webhook/main`;
    const refused = await post(url, { 'x-webhook-secret': 'another one' }, event);
    expect(refused.status).toBe(401);
    const taken = await post(url, { 'x-webhook-secret': 'a secret of some length' }, [event]);
    expect(taken.status).toBe(200);
    expect(service.heapEvents()).toHaveLength(1);
  });

  it('is not there where the configuration opens none', async () => {
    const { dataUrl } = await start({});
    expect((await post(`${dataUrl}/v1/webhook/main`, { 'x-webhook-secret': 'any' }, event)).status).toBe(404);
  });
});

describe('the origins that are allowed', () => {
  it.each([
    [['*'], 'https://shop.example.com'],
    [['https://shop.example.com'], 'https://shop.example.com'],
    [['https://other.example.com'], null],
  ])('%j let a page of shop.example.com read %j', async (allowedOrigins, expected) => {
    const { dataUrl } = await start({ server: { allowedOrigins } });
    const authorization = `Basic ${Buffer.from('key:').toString('base64')}`;
    const headers = { origin: 'https://shop.example.com', authorization, 'content-type': 'text/plain' };
    const answer = await post(`${dataUrl}/v1/t`, headers, event);
    expect(answer.headers.get('access-control-allow-origin')).toBe(expected);
  });
});
