import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, test } from '@jest/globals';

import { waitUntilSettled } from '../../demo/wait-until-settled.js';

/** A service whose health is this in turn; the last one again and again. */
async function withHealth(
  healths: readonly object[],
  use: (url: string, asked: () => number) => Promise<void>,
): Promise<void> {
  let asked = 0;
  const server = createServer((_request, response) => {
    response.setHeader('connection', 'close');
    response.end(JSON.stringify(healths[Math.min(asked, healths.length - 1)]));
    asked += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => asked);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

const empty = { backlog: 0, stored: { events: 0 } };
const signal = new AbortController().signal;

describe('waiting until everything is delivered', () => {
  test('waits for what is on disk and for what is in memory', async () => {
    const healths = [{ backlog: 0, stored: { events: 3 } }, { backlog: 2, stored: { events: 0 } }, empty];
    await withHealth(healths, async (url, asked) => {
      await waitUntilSettled(url, { signal, pollMs: 5 });

      expect(asked()).toBeGreaterThan(healths.length);
    });
  });

  test('does not believe a first look that finds nothing: what is stored is looked up once a second', async () => {
    const healths = [empty, { backlog: 0, stored: { events: 1 } }];
    await withHealth(healths, async (url) => {
      await expect(waitUntilSettled(url, { signal, timeoutMs: 300, pollMs: 5 })).rejects.toThrow(
        'not everything was delivered within 0.3 s: 1 events are stored and 0 operations in memory',
      );
    });
  });

  test('ends when it is interrupted', async () => {
    await withHealth([{ backlog: 1, stored: { events: 1 } }], async (url) => {
      const interruption = new AbortController();
      const waiting = waitUntilSettled(url, { signal: interruption.signal });
      interruption.abort();

      await expect(waiting).rejects.toThrow('aborted');
    });
  });
});
