import { getEventListeners } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { createHttpSender, type HttpSender } from '../../../src/core/delivery/http-sender.js';
import type { Reply } from '../../../src/core/delivery/reply.js';

const endlessChunk = Buffer.alloc(64 * 1024, 'x');

describe('the HTTP sender', () => {
  let server: Server;
  let sender: HttpSender;
  let url: string;
  let answer: RequestListener;
  let received: { readonly method: string | undefined; readonly headers: IncomingMessage['headers']; body: string }[];
  let connections: number;

  beforeEach(async () => {
    received = [];
    connections = 0;
    server = createServer((request, response) => {
      const call = { method: request.method, headers: request.headers, body: '' };
      received.push(call);
      request.setEncoding('utf8').on('data', (chunk: string) => (call.body += chunk));
      request.once('end', () => {
        answer(request, response);
      });
    });
    server.on('connection', () => (connections += 1));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sender = newSender();
  });

  afterEach(async () => {
    sender.close();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  function newSender(requestTimeoutMs = 20_000): HttpSender {
    return createHttpSender({ userAgent: 'test/1', requestTimeoutMs, connectTimeoutMs: 5_000, maxSockets: 4 });
  }

  function send(path = '/api/track', body = '{"a":"ü"}', signal = new AbortController().signal): Promise<Reply> {
    return sender.send({ url: `${url}${path}`, body }, signal);
  }

  it('posts the body as JSON, with its own name', async () => {
    answer = (_request, response) => response.end('{}');
    expect(await send()).toMatchObject({ type: 'answer', status: 200, body: '{}' });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: 'POST',
      body: '{"a":"ü"}',
      headers: { 'content-type': 'application/json', 'content-length': '10', 'user-agent': 'test/1' },
    });
  });

  it.each([
    [200, '{}'],
    [200, 'OK'],
    [200, ''],
    [204, ''],
    [400, 'Bad request'],
    [500, '<html>'],
    [503, ''],
  ])('hands on a %d with the body %j as it is, once', async (status, body) => {
    answer = (_request, response) => response.writeHead(status).end(body);
    expect(await send()).toMatchObject({ type: 'answer', status, body });
    expect(received).toHaveLength(1);
  });

  it('hands on when to come back', async () => {
    answer = (_request, response) => response.writeHead(429, { 'retry-after': '7' }).end();
    expect(await send()).toMatchObject({ type: 'answer', status: 429, retryAfter: '7', body: '' });
  });

  it.each([301, 302, 303, 307, 308])('follows no %d', async (status) => {
    answer = (_request, response) => response.writeHead(status, { location: `${url}/elsewhere` }).end();
    expect(await send()).toMatchObject({ type: 'answer', status });
    expect(received).toHaveLength(1);
  });

  it('reports a timeout when no answer comes', async () => {
    sender.close();
    sender = newSender(50);
    answer = () => undefined;
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'timeout' });
    expect(received).toHaveLength(1);
  });

  it('reports a timeout when an answer begins and does not end', async () => {
    sender.close();
    sender = newSender(50);
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
    };
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'timeout' });
  });

  it('reports a network fault when the connection is reset', async () => {
    answer = (request) => {
      request.socket.resetAndDestroy();
    };
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'network' });
    expect(received).toHaveLength(1);
  });

  it('takes no truncated answer for an answer', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{}');
      request.socket.destroySoon();
    };
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'network' });
  });

  it('reports a network fault when what answers speaks no HTTP', async () => {
    answer = (request) => request.socket.end('hello\r\n\r\n');
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'network' });
  });

  it('reports a network fault when nobody listens', async () => {
    const reply = await sender.send({ url: 'http://127.0.0.1:1/', body: '{}' }, new AbortController().signal);
    expect(reply).toMatchObject({
      type: 'noAnswer',
      cause: 'network',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('reports a network fault for a URL that is none', async () => {
    const reply = await sender.send({ url: 'nowhere', body: '{}' }, new AbortController().signal);
    expect(reply).toMatchObject({ type: 'noAnswer', cause: 'network' });
  });

  it('keeps the beginning of a long answer only', async () => {
    answer = (_request, response) => response.writeHead(400).end('e'.repeat(60_000));
    expect(await send()).toMatchObject({ type: 'answer', status: 400, body: 'e'.repeat(1_000) });
  });

  it.each([
    ['as it is', {}, endlessChunk],
    ['compressed', { 'content-encoding': 'gzip' }, gzipSync(endlessChunk)],
  ])('cuts an answer that never ends, sent %s, and keeps its status', async (_name, headers, chunk) => {
    const closed = new Promise((resolve) => {
      answer = (_request, response) => {
        response.writeHead(400, headers);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', more).once('close', resolve);
        more();
      };
    });
    expect(await send()).toMatchObject({ type: 'answer', status: 400, body: 'x'.repeat(1_000) });
    await closed;
  });

  it('cuts an answer of 10 MB', async () => {
    answer = (_request, response) => response.writeHead(200).end(Buffer.alloc(10 * 1024 * 1024, 'x'));
    expect(await send()).toMatchObject({ type: 'answer', status: 200, body: 'x'.repeat(1_000) });
  });

  it('leaves nothing of a call behind on the signal', async () => {
    answer = (_request, response) => response.writeHead(200).end('{}');
    const { signal } = new AbortController();
    for (let call = 0; call < 20; call += 1) await send('/', '{}', signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('uses one connection for calls that follow each other', async () => {
    answer = (_request, response) => response.end('{}');
    for (let call = 0; call < 5; call += 1) await send();
    expect(connections).toBe(1);
  });

  it('opens no more connections than it may', async () => {
    answer = (_request, response) => response.end('{}');
    await Promise.all(Array.from({ length: 40 }, () => send()));
    expect(received).toHaveLength(40);
    expect(connections).toBeLessThanOrEqual(4);
  });

  it('goes on over a new connection when the kept one was closed', async () => {
    answer = (_request, response) => response.end('{}');
    await send();
    server.closeAllConnections();
    const replies = [await send(), await send()];
    expect(replies.at(-1)).toMatchObject({ type: 'answer', status: 200 });
  });

  it('breaks off when it is told to, and answers all the same', async () => {
    const abort = new AbortController();
    const closed = new Promise((resolve) => {
      answer = (request) => {
        request.socket.once('close', resolve);
        abort.abort();
      };
    });
    expect(await send('/', '{}', abort.signal)).toMatchObject({ type: 'noAnswer', cause: 'network' });
    await closed;
  });

  it('sends nothing when it was told to break off before', async () => {
    expect(await send('/', '{}', AbortSignal.abort())).toMatchObject({ type: 'noAnswer' });
    expect(received).toEqual([]);
  });

  it('takes an answer that asks for another protocol for none, and lets the connection go', async () => {
    const closed = new Promise<void>((resolve) => {
      answer = (request) => {
        request.socket.once('close', () => {
          resolve();
        });
        request.socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
      };
    });
    expect(await send()).toMatchObject({ type: 'noAnswer', cause: 'network' });
    await closed;
  });
});
