import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Json } from '../../src/core/json/json.js';
import { repositoryRoot } from '../support/documentation.js';
import { rawConnection } from '../support/http-client.js';
import { startTestService, type TestService } from '../support/running-service.js';

/** Requests as an SDK made them, in their order, without what names the machine it ran on. */
interface Recording {
  readonly sdk: string;
  readonly sends: string;
  readonly requests: readonly RecordedRequest[];
  /** The status, and how many events were delivered by each request. */
  readonly answers: readonly { readonly status: number; readonly delivered?: number }[];
  /** The names of the events that Heap holds at the end, in their order. */
  readonly held: readonly string[];
}

interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isGzip?: boolean;
  readonly body?: Json;
}

const folder = `${repositoryRoot}test/__fixtures__/sdk-requests/`;
const recordings = readdirSync(folder).map((file): [string, Recording] => {
  const recording = JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as Recording;
  return [`${recording.sdk}: ${recording.sends}`, recording];
});

/** The app_id behind the write keys of the recordings. */
const appId = '9000000102';

let running: TestService;

beforeAll(async () => {
  running = await startTestService({ others: { WRITE_KEY: appId, KEYID: appId } });
});

afterAll(async () => {
  await running.close();
});

beforeEach(() => {
  running.simulator.heap.reset();
});

/** Sends the bytes that the SDK sent; answers the status line and headers, and the body. */
async function replay(request: RecordedRequest): Promise<readonly [head: string, body: string]> {
  const { method, path, headers, isGzip = false, body } = request;
  const text = body === undefined ? '' : JSON.stringify(body);
  const bytes = isGzip ? gzipSync(text) : Buffer.from(text);
  const lines = Object.entries({ ...headers, Host: 'events.example.test', Connection: 'close' });
  if (method === 'POST') lines.push(['Content-Length', String(bytes.length)]);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const connection = await rawConnection(running.dataUrl);
  connection.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n`);
  connection.write(bytes);
  const answer = await connection.answer;
  const end = answer.indexOf('\r\n\r\n');
  return [answer.slice(0, end), answer.slice(end + 4)];
}

describe('the requests that were recorded', () => {
  it.each(recordings)('of %s', async (_name, { requests, answers, held }) => {
    const given: unknown[] = [];
    for (const request of requests) {
      const [head, body] = await replay(request);
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
      const { delivered } = (body.startsWith('{') ? JSON.parse(body) : {}) as { readonly delivered?: number };
      given.push(delivered === undefined ? { status } : { status, delivered });
      if (request.headers.Origin !== undefined) {
        expect(head).toContain(`Access-Control-Allow-Origin: ${request.headers.Origin}\r\n`);
      }
    }
    expect(given).toEqual(answers);
    expect(running.heapEvents(appId)).toEqual(held);
  });
});
