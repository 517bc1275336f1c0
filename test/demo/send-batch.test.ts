import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import { sendBatch } from '../../demo/send-batch.js';

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

interface Seen {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A service that gives these answers in turn; the last one again and again. */
async function withService(
  replies: readonly Reply[],
  use: (url: string, seen: Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const reply = replies[Math.min(seen.length, replies.length - 1)];
      seen.push({ headers: request.headers, body });
      response.writeHead(reply?.status ?? 500, { 'retry-after': '0', connection: 'close' });
      response.end(JSON.stringify(reply?.body ?? {}));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

const batch = { writeKey: 'demo-web-key', events: [{ messageId: 'm1' }, { messageId: 'm2' }], gzip: false };
const taken = {
  status: 200,
  body: {
    received: 2,
    accepted: 2,
    rejected: 0,
    results: [
      { index: 0, messageId: 'm1', outcome: 'accepted' },
      { index: 1, messageId: 'm2', outcome: 'accepted' },
    ],
  },
};
const signal = new AbortController().signal;

describe('sending a batch', () => {
  test('names the write key as the user of Basic authentication', async () => {
    await withService([taken], async (url, seen) => {
      const { attempts, answer } = await sendBatch(url, batch, signal);

      expect([attempts, answer.accepted]).toEqual([1, 2]);
      expect(seen[0]?.headers.authorization).toBe(`Basic ${btoa('demo-web-key:')}`);
      expect(JSON.parse(String(seen[0]?.body))).toMatchObject({ batch: batch.events });
    });
  });

  test('compresses when it is asked to', async () => {
    await withService([taken], async (url, seen) => {
      await sendBatch(url, { ...batch, gzip: true }, signal);

      expect(seen[0]?.headers['content-encoding']).toBe('gzip');
      expect(JSON.parse(String(gunzipSync(seen[0]?.body ?? '')))).toMatchObject({ batch: batch.events });
    });
  });

  test('sends again, the same events, while it is asked to wait', async () => {
    await withService([{ status: 503 }, { status: 503 }, taken], async (url, seen) => {
      const { attempts } = await sendBatch(url, batch, signal);

      expect(attempts).toBe(3);
      expect(new Set(seen.map(({ body }) => String(body))).size).toBe(1);
    });
  });

  test('gives up after a bounded number of tries', async () => {
    await withService([{ status: 503, body: 'full' }], async (url, seen) => {
      await expect(sendBatch(url, batch, signal)).rejects.toThrow('status 503: "full"');
      expect(seen).toHaveLength(8);
    });
  });

  test('does not repeat what will be refused again', async () => {
    await withService([{ status: 401 }], async (url, seen) => {
      await expect(sendBatch(url, batch, signal)).rejects.toThrow('status 401');
      expect(seen).toHaveLength(1);
    });
  });

  test('does not take an answer about other events', async () => {
    const swapped = { ...taken.body, results: taken.body.results.toReversed() };
    const short = { ...taken.body, results: taken.body.results.slice(1) };
    await withService(
      [
        { status: 200, body: swapped },
        { status: 200, body: short },
      ],
      async (url) => {
        await expect(sendBatch(url, batch, signal)).rejects.toThrow('result 0 is of m2, expected "m1"');
        await expect(sendBatch(url, batch, signal)).rejects.toThrow('expected 2 results');
      },
    );
  });
});
