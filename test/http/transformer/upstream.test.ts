import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createUpstream, type Upstream, type UpstreamOptions } from '../../../src/http/transformer/upstream.js';
import { ask, rawConnection } from '../../support/http-client.js';

/** A chunk that no socket's buffer takes whole. */
const large = Buffer.alloc(8 * 1024 * 1024, 'x');

const timeoutMs = 60_000;
const featuresTimeoutMs = 5_000;

interface Arrived {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

describe('the upstream', () => {
  let upstreamServer: Server;
  let frontServer: Server;
  let upstreamUrl: string;
  let frontUrl: string;
  let upstream: Upstream;
  /** What the upstream does; by default it reads the request and answers 200. */
  let answer: RequestListener;
  /** What the front does with a request; by default it hands it on. */
  let front: (request: IncomingMessage, response: ServerResponse) => void;
  let arrived: Arrived[];
  let connections: number;
  let faults: unknown[];

  beforeEach(async () => {
    // Only the upstream's own time limits are at the tests' hand: sockets keep time by themselves.
    jest.useFakeTimers({
      doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'],
    });
    arrived = [];
    faults = [];
    connections = 0;
    answer = (request, response) => {
      void read(request).then((body) => {
        arrived.push({ method: request.method, url: request.url, rawHeaders: request.rawHeaders, body });
        response.end('ok');
      });
    };
    upstreamServer = createServer((request, response) => {
      // A request that is cut short is what some tests are about.
      request.on('error', () => undefined);
      answer(request, response);
    });
    upstreamServer.on('connection', () => (connections += 1));
    upstreamUrl = await listening(upstreamServer);
    upstream = newUpstream();
    front = (request, response) => {
      upstream.forward(request, response);
    };
    frontServer = createServer((request, response) => {
      front(request, response);
    });
    frontUrl = await listening(frontServer);
  });

  afterEach(async () => {
    jest.useRealTimers();
    upstream.close();
    await Promise.all([closed(frontServer), closed(upstreamServer)]);
  });

  function newUpstream(options: Partial<UpstreamOptions> = {}): Upstream {
    return createUpstream({
      url: upstreamUrl,
      timeoutMs,
      featuresTimeoutMs,
      onFault: (error) => faults.push(error),
      ...options,
    });
  }

  function useUpstream(options: Partial<UpstreamOptions>): void {
    upstream.close();
    upstream = newUpstream(options);
  }

  /** Lets the upstream be a bare TCP server that does `onRequest` with the first bytes that come. */
  async function useBareUpstream(onRequest: (socket: Socket) => void): Promise<TcpServer> {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        onRequest(socket);
      });
    });
    useUpstream({ url: await listening(server) });
    return server;
  }

  function valuesOf(name: string): readonly string[] {
    const { rawHeaders } = arrived[0] ?? { rawHeaders: [] };
    return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  }

  async function expectUnreachable(): Promise<void> {
    const { status, headers, text } = await ask(`${frontUrl}/v0/destinations/am`, { method: 'POST', body: '[]' });
    expect(status).toBe(503);
    expect(headers).toMatchObject({
      'x-rudder-should-retry': 'true',
      'x-rudder-error-reason': 'upstream_unreachable',
      'content-type': 'application/json; charset=utf-8',
    });
    expect(headers).not.toHaveProperty('apiversion');
    expect(JSON.parse(text)).toEqual({ error: expect.any(String) });
    expect(text).not.toMatch(/127\.0\.0\.1|ECONN|\d{4}/);
    expect(faults).toHaveLength(1);
  }

  describe('handing on', () => {
    it('leaves method, path, query, headers and the bytes of the body as they are, both ways', async () => {
      const sent = gzipSync('[{"message":{}}]');
      const returned = gzipSync('[{"output":{}}]');
      answer = (request, response) => {
        void read(request).then((body) => {
          arrived.push({ method: request.method, url: request.url, rawHeaders: request.rawHeaders, body });
          response.sendDate = false;
          response.writeHead(207, 'As It Is', [
            ...['apiVersion', '2', 'Content-Encoding', 'gzip', 'Content-Length', String(returned.length)],
            ...['Set-Cookie', 'a=1', 'X-Twice', 'one', 'Set-Cookie', 'b=2', 'X-Twice', 'two', 'X-Text', 'caf\xe9'],
          ]);
          response.end(returned);
        });
      };
      const call = httpRequest(`${frontUrl}/v0/destinations/am%20x?whitelist=a%2Fb&x`, {
        method: 'PATCH',
        agent: false,
        headers: [
          ...['Host', 'transformer.example', 'Content-Type', 'application/json; charset=utf-8'],
          ...['Content-Encoding', 'gzip', 'Content-Length', String(sent.length), 'Accept-Encoding', 'gzip'],
          ...['X-Feature-Gzip-Support', '?1', 'X-Twice', 'one', 'X-Twice', 'two', 'X-Text', 'caf\xe9'],
        ],
      });
      call.end(sent);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      expect(await read(response)).toEqual(returned);
      expect([response.statusCode, response.statusMessage]).toEqual([207, 'As It Is']);
      const pairs = pairsOf(response.rawHeaders).filter(([name]) => !/^(date|connection)$/i.test(name));
      expect(pairs.sort()).toEqual(
        [
          ...[pair('apiVersion', '2'), pair('Content-Encoding', 'gzip'), pair('X-Text', 'caf\xe9')],
          ...[pair('Set-Cookie', 'a=1'), pair('Set-Cookie', 'b=2'), pair('X-Twice', 'one'), pair('X-Twice', 'two')],
          pair('Content-Length', String(returned.length)),
        ].sort(),
      );

      expect(arrived).toHaveLength(1);
      expect(arrived[0]).toMatchObject({
        method: 'PATCH',
        url: '/v0/destinations/am%20x?whitelist=a%2Fb&x',
        body: sent,
      });
      expect(withoutVia(pairsOf(arrived[0]?.rawHeaders ?? [])).sort()).toEqual(
        [
          ...[pair('Host', new URL(upstreamUrl).host), pair('Connection', 'keep-alive')],
          ...[pair('Content-Type', 'application/json; charset=utf-8'), pair('Content-Encoding', 'gzip')],
          ...[pair('Content-Length', String(sent.length)), pair('Accept-Encoding', 'gzip')],
          ...[pair('X-Feature-Gzip-Support', '?1'), pair('X-Twice', 'one'), pair('X-Twice', 'two')],
          pair('X-Text', 'caf\xe9'),
        ].sort(),
      );
    });

    it('says in Via that a request came by here, and hands on none that did already', async () => {
      await ask(`${frontUrl}/customTransform`, { method: 'POST', body: '[]', headers: { via: '1.1 other' } });
      const [other, own] = valuesOf('via').join(', ').split(', ');
      expect([other, own]).toEqual(['1.1 other', expect.stringMatching(/^1\.1 heap-destination-[-0-9a-f]{36}$/)]);
      useUpstream({ url: frontUrl });
      const { status, headers, text } = await ask(`${frontUrl}/customTransform`, { method: 'POST', body: '[]' });
      expect([status, JSON.parse(text)]).toEqual([508, { error: 'the upstream transformer leads back here' }]);
      expect(headers).not.toHaveProperty('apiversion');
      expect(faults).toHaveLength(1);
      expect(connections).toBe(1);
    });

    it('leaves an answer that has no message beside its status without one', async () => {
      const server = await useBareUpstream((socket) => socket.end('HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'));
      const client = await rawConnection(frontUrl);
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await client.answer).toMatch(/^HTTP\/1.1 200 \r\n(.+\r\n)+\r\nok$/);
      await closed(server);
    });

    it('gives the answer the headers of the upstream only, whatever was set before', async () => {
      front = (request, response) => {
        response.setHeader('apiVersion', '2');
        response.setHeader('X-Own', 'yes');
        upstream.forward(request, response);
      };
      answer = (_request, response) => response.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end();
      const { headers } = await ask(frontUrl);
      expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'] });
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['x-own']));
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['apiversion']));
    });

    it.each([
      ['', '/v0/destinations/am'],
      ['/', '/v0/destinations/am'],
      ['/transformer', '/transformer/v0/destinations/am'],
      ['/a/b/', '/a/b/v0/destinations/am'],
    ])('puts the path %j of its URL before the path', async (path, expected) => {
      useUpstream({ url: upstreamUrl + path });
      await ask(`${frontUrl}/v0/destinations/am`);
      expect(arrived[0]?.url).toBe(expected);
    });

    it.each([
      ['http://elsewhere.example/a?b=//c', '/p/a?b=//c'],
      ['HTTP://elsewhere.example?b', '/p/?b'],
      ['*', '/p/*'],
      ['//a/b', '/p//a/b'],
    ])('takes the path of the target %s', async (target, expected) => {
      useUpstream({ url: `${upstreamUrl}/p` });
      const client = await rawConnection(frontUrl);
      client.write(`OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      expect(await client.answer).toMatch(/^HTTP\/1.1 200 /);
      expect(arrived[0]?.url).toBe(expected);
    });

    it('hands on nothing that concerns the connection of the client alone', async () => {
      const client = await rawConnection(frontUrl);
      client.write(
        'POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nConnection: content-length\r\nX-Secret: 1\r\n' +
          'X-Kept: 2\r\nTE: trailers\r\nKeep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\n' +
          'Content-Length: 2\r\n\r\n[]',
      );
      expect(await client.answer).toMatch(/^HTTP\/1.1 200 /);
      expect(arrived[0]?.body.toString()).toBe('[]');
      expect(withoutVia(pairsOf(arrived[0]?.rawHeaders ?? []))).toEqual([
        pair('Host', new URL(upstreamUrl).host),
        pair('X-Kept', '2'),
        pair('Content-Length', '2'),
        pair('Connection', 'keep-alive'),
      ]);
    });

    it('hands on nothing that concerns the connection of the upstream alone', async () => {
      const server = await useBareUpstream((socket) =>
        socket.end(
          'HTTP/1.1 200 OK\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nX-Kept: 2\r\nKeep-Alive: timeout=9\r\n' +
            'Upgrade: h2c\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n',
        ),
      );
      const { headers, text } = await ask(frontUrl);
      expect(text).toBe('ok');
      expect(headers).toMatchObject({ 'x-kept': '2', 'transfer-encoding': 'chunked' });
      expect(Object.keys(headers).sort()).toEqual(['connection', 'date', 'transfer-encoding', 'x-kept']);
      await closed(server);
    });

    it.each([
      ['POST', 'Content-Length: 5\r\n\r\nhello', { length: ['5'], chunked: [], body: 'hello' }],
      [
        'POST',
        'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
        { length: [], chunked: ['chunked'], body: 'hello' },
      ],
      [
        'GET',
        'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
        { length: [], chunked: ['chunked'], body: 'hello' },
      ],
      ['DELETE', 'Content-Length: 5\r\n\r\nhello', { length: ['5'], chunked: [], body: 'hello' }],
      ['POST', '\r\n', { length: ['0'], chunked: [], body: '' }],
      ['POST', 'Content-Length: 0\r\n\r\n', { length: ['0'], chunked: [], body: '' }],
      ['GET', '\r\n', { length: [], chunked: [], body: '' }],
      ['POST', 'Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello', { length: ['5'], chunked: [], body: 'hello' }],
    ])('frames a body as the client did: %s with %j', async (method, rest, { length, chunked, body }) => {
      const client = await rawConnection(frontUrl);
      client.write(`${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${rest}`);
      expect(await client.answer).toMatch(/HTTP\/1.1 200 OK[^]*ok$/);
      expect(arrived[0]?.body.toString()).toBe(body);
      expect(valuesOf('content-length')).toEqual(length);
      expect(valuesOf('transfer-encoding')).toEqual(chunked);
    });

    it.each([
      ['HEAD', 200, 'Content-Length: 9\r\n', ''],
      ['GET', 204, '', ''],
      ['GET', 304, 'ETag: "a"\r\n', ''],
      ['GET', 302, 'Location: /elsewhere\r\nContent-Length: 2\r\n', 'ok'],
      ['GET', 500, 'Connection: close\r\n', 'until the end'],
    ])('frames an answer as the upstream did: to %s, %d with %j', async (method, status, head, body) => {
      const server = await useBareUpstream((socket) => socket.end(`HTTP/1.1 ${status} X\r\n${head}\r\n${body}`));
      const { headers, ...rest } = await ask(frontUrl, { method });
      expect(rest).toEqual({ status, text: body });
      expect(headers['content-length']).toBe(/Content-Length: (\d+)/.exec(head)?.[1]);
      expect(headers).not.toHaveProperty('x-rudder-should-retry');
      await closed(server);
    });

    it('waits for neither body to be whole', async () => {
      let upload: IncomingMessage | undefined;
      answer = (request, response) => {
        upload = request;
        response.write('first of the answer, ');
        request.once('end', () => response.end('last of the answer')).resume();
      };
      const call = httpRequest(frontUrl, { method: 'POST', agent: false });
      call.write('first of the request');
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      const [first] = (await once(response, 'data')) as [Buffer];
      expect(first.toString()).toBe('first of the answer, ');
      expect(upload?.complete).toBe(false);
      call.end('last of the request');
      expect((await read(response)).toString()).toBe('last of the answer');
      expect(faults).toEqual([]);
    });

    it('hands on bodies of any size', async () => {
      answer = (request, response) => {
        void read(request).then((body) => response.end(body));
      };
      const { status, text } = await ask(frontUrl, { method: 'POST', body: large });
      expect(status).toBe(200);
      expect(large.equals(Buffer.from(text))).toBe(true);
    });

    it('hands on a body that was read already, as it came', async () => {
      front = (request, response) => {
        void read(request).then((body) => {
          upstream.forwardBody(request, response, body);
        });
      };
      const body = gzipSync('{"destType":"am","input":[]}');
      const headers = { 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' };
      expect(await ask(`${frontUrl}/routerTransform`, { method: 'POST', headers, body })).toMatchObject({ text: 'ok' });
      expect(arrived[0]).toMatchObject({ method: 'POST', url: '/routerTransform', body });
      expect(valuesOf('content-length')).toEqual([String(body.length)]);
      expect(valuesOf('transfer-encoding')).toEqual([]);
      expect(valuesOf('content-encoding')).toEqual(['gzip']);
    });

    it('uses a connection to the upstream again', async () => {
      for (let round = 0; round < 3; round += 1) await ask(frontUrl, { method: 'POST', body: '[]' });
      expect(arrived).toHaveLength(3);
      expect(connections).toBe(1);
    });
  });

  describe('that fails', () => {
    it('is a reason to send again when nobody listens', async () => {
      await closed(upstreamServer);
      front = (request, response) => {
        response.setHeader('apiVersion', '2');
        upstream.forward(request, response);
      };
      await expectUnreachable();
    });

    it.each([
      ['resets the connection', (socket: Socket) => socket.resetAndDestroy()],
      ['closes without an answer', (socket: Socket) => socket.end()],
      ['breaks off in its headers', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')],
      ['speaks no HTTP', (socket: Socket) => socket.end('hello\r\n\r\n')],
      [
        'changes the protocol',
        (socket: Socket) => socket.write('HTTP/1.1 101 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n'),
      ],
      ['says a status that is none', (socket: Socket) => socket.end('HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n')],
      [
        'frames its answer in two ways',
        (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk'),
      ],
    ])('is a reason to send again when it %s', async (_what, onRequest) => {
      const server = await useBareUpstream(onRequest);
      await expectUnreachable();
      await closed(server);
    });

    it('is a reason to send again when it does not answer in time', async () => {
      const reached = new Promise<void>((resolve) => {
        answer = () => {
          resolve();
        };
      });
      const unreachable = expectUnreachable();
      await reached;
      jest.advanceTimersByTime(timeoutMs - 1);
      expect(faults).toEqual([]);
      jest.advanceTimersByTime(1);
      await unreachable;
    });

    it('is a reason to send again for a body that was read already', async () => {
      await closed(upstreamServer);
      front = (request, response) => {
        void read(request).then((body) => {
          upstream.forwardBody(request, response, body);
        });
      };
      await expectUnreachable();
    });

    it('is a reason to send again when it is not what its URL says', async () => {
      useUpstream({ url: upstreamUrl.replace('http:', 'https:') });
      await expectUnreachable();
    });

    it('is a reason to send again while the body still comes, over the same connection', async () => {
      answer = (request) => request.socket.resetAndDestroy();
      const client = await rawConnection(frontUrl);
      client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000005\r\n\r\nhello');
      await until(() => faults.length > 0);
      answer = (_request, response) => response.end('the second answer');
      client.write('x'.repeat(1_000_000));
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      expect(await client.answer).toMatch(/^HTTP\/1.1 503 [^]*HTTP\/1.1 200 [^]*the second answer$/);
    });

    it.each([
      ['with a length', 'Content-Length: 9\r\n\r\n{}'],
      ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n'],
    ])('breaks the answer to the client off where its own breaks off, %s', async (_how, rest) => {
      const server = await useBareUpstream((socket) => socket.end(`HTTP/1.1 200 OK\r\napiVersion: 2\r\n${rest}`));
      await expect(ask(frontUrl)).rejects.toThrow(/aborted|hang up/);
      expect(faults).toHaveLength(1);
      await closed(server);
    });

    it.each([
      ['with a length', 'Content-Length: 9\r\n\r\n{}'],
      ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n'],
      ['until the connection ends', '\r\n{}'],
    ])('breaks the answer to the client off when its own does not end in time, %s', async (_how, rest) => {
      const server = await useBareUpstream((socket) => socket.write(`HTTP/1.1 200 OK\r\n${rest}`));
      const call = httpRequest(frontUrl, { agent: false });
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      jest.advanceTimersByTime(timeoutMs);
      await expect(read(response)).rejects.toThrow('aborted');
      expect(faults).toHaveLength(1);
      await closed(server);
    });

    it('makes no whole answer of one that its client was too slow to take in time', async () => {
      answer = (_request, response) => {
        response.end(large);
      };
      const call = httpRequest(frontUrl, { agent: false });
      call.end();
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      response.on('error', () => undefined);
      jest.advanceTimersByTime(timeoutMs);
      await until(() => faults.length > 0);
      response.resume();
      await until(() => response.destroyed);
      expect(response.complete).toBe(false);
    });

    it('has its early answer handed on, and the rest of the body is not sent', async () => {
      let socket: Socket | undefined;
      answer = (request, response) => {
        socket = request.socket;
        response.writeHead(413).end('too large');
      };
      const call = httpRequest(frontUrl, { method: 'POST', agent: false });
      call.on('error', () => undefined);
      call.write('first');
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      expect([response.statusCode, (await read(response)).toString()]).toEqual([413, 'too large']);
      await until(() => socket?.destroyed === true);
      expect(faults).toEqual([]);
      call.destroy();
    });
  });

  describe('whose client leaves', () => {
    it.each([
      ['before its body is whole', 'Content-Length: 9\r\n\r\nhello'],
      ['while it waits', 'Content-Length: 5\r\n\r\nhello'],
    ])('has nothing more to do: %s', async (_when, rest) => {
      const reached = new Promise<IncomingMessage>((resolve) => {
        answer = (request) => {
          request.once('data', () => {
            resolve(request);
          });
        };
      });
      const client = await rawConnection(frontUrl);
      client.write(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
      const { socket } = await reached;
      client.destroy();
      await until(() => socket.destroyed);
      expect(faults).toEqual([]);
    });

    it('has nothing more to do: in the middle of its answer', async () => {
      let socket: Socket | undefined;
      answer = (request, response) => {
        socket = request.socket;
        response.write(large);
      };
      const call = httpRequest(frontUrl, { agent: false });
      call.on('error', () => undefined);
      call.end();
      await once(call, 'response');
      call.destroy();
      await until(() => socket?.destroyed === true);
      expect(faults).toEqual([]);
    });

    it('is not called when the client left before its body was handed on', async () => {
      const handedOn = new Promise<void>((resolve) => {
        front = (request, response) => {
          request.on('error', () => undefined);
          response.once('close', () => {
            upstream.forwardBody(request, response, Buffer.from('[]'));
            resolve();
          });
        };
      });
      const client = await rawConnection(frontUrl);
      client.write('POST /batch HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[');
      client.destroy();
      await handedOn;
      await upstream.features();
      expect(arrived.map(({ url }) => url)).toEqual(['/features']);
      expect(faults).toEqual([]);
    });
  });

  it('leaves no timer behind', async () => {
    await ask(frontUrl, { method: 'POST', body: '[]' });
    await upstream.features();
    upstream.close();
    await until(() => jest.getTimerCount() === 0);
  });

  it('ends the calls that wait for an answer or for a connection when it is closed', async () => {
    useUpstream({ maxSockets: 1 });
    const reached = new Promise<void>((resolve) => {
      answer = () => {
        resolve();
      };
    });
    let received = 0;
    front = (request, response) => {
      upstream.forward(request, response);
      received += 1;
    };
    const both = Promise.all([ask(frontUrl), ask(frontUrl)]);
    await reached;
    await until(() => received === 2);
    upstream.close();
    expect((await both).map(({ status }) => status)).toEqual([503, 503]);
  });

  it.each([
    'ftp://transformer.example',
    'http://user:key@transformer.example',
    'http://transformer.example/?a=b',
    'http://transformer.example/#a',
    'transformer.example:9090',
    'nowhere',
  ])('takes no %s', (url) => {
    expect(() => newUpstream({ url })).toThrow(/URL/);
  });

  describe('asked for its features', () => {
    it('hands on what it knows', async () => {
      useUpstream({ url: `${upstreamUrl}/prefix` });
      answer = (request, response) => {
        arrived.push({ method: request.method, url: request.url, rawHeaders: request.rawHeaders, body: Buffer.of() });
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end('{"routerTransform":{"AM":true}}');
      };
      expect(await upstream.features()).toEqual({ type: 'known', value: { routerTransform: { AM: true } } });
      expect(arrived[0]).toMatchObject({ method: 'GET', url: '/prefix/features' });
      expect(valuesOf('host')).toEqual([new URL(upstreamUrl).host]);
    });

    it.each([404, 500, 302, 204])('hands on a %d', async (status) => {
      answer = (_request, response) => response.writeHead(status).end(status === 204 ? undefined : 'text');
      expect(await upstream.features()).toEqual({ type: 'status', status, body: status === 204 ? '' : 'text' });
    });

    it.each([
      ['answers no JSON', 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>', 'features that are no JSON'],
      ['breaks off', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}', 'aborted'],
      ['closes', '', 'socket hang up'],
      ['speaks no HTTP', 'hello\r\n\r\n', expect.stringContaining('Parse Error')],
      [
        'answers without an end',
        `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1024 * 1024 + 1)}`,
        expect.stringContaining('more than'),
      ],
    ])('is unreachable when it %s', async (_what, bytes, detail) => {
      const server = await useBareUpstream((socket) => socket.end(bytes));
      expect(await upstream.features()).toEqual({ type: 'unreachable', detail });
      await closed(server);
    });

    it('is unreachable when nobody listens', async () => {
      await closed(upstreamServer);
      expect(await upstream.features()).toEqual({
        type: 'unreachable',
        detail: expect.stringContaining('ECONNREFUSED'),
      });
    });

    it.each([
      ['answer', ''],
      ['end its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}'],
    ])('is unreachable when it does not %s in time', async (_what, bytes) => {
      let isReached = false;
      const server = await useBareUpstream((socket) => {
        socket.write(bytes);
        isReached = true;
      });
      const features = upstream.features();
      await until(() => isReached);
      jest.advanceTimersByTime(featuresTimeoutMs);
      expect(await features).toEqual({ type: 'unreachable', detail: 'no whole answer within 5000 ms' });
      expect(faults).toEqual([]);
      await closed(server);
    });
  });
});

async function listening(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return urlOf(server);
}

function urlOf(server: Server | TcpServer): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closed(server: Server | TcpServer): Promise<void> {
  if (!server.listening) return;
  await new Promise((resolve) => {
    server.close(resolve);
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function pair(name: string, value: string): readonly [string, string] {
  return [name, value];
}

function pairsOf(rawHeaders: readonly string[]): (readonly [string, string])[] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [pair(name, rawHeaders[index + 1] ?? '')] : []));
}

/** Lets I/O happen until the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Every request that is handed on has one of its own. */
function withoutVia(pairs: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return pairs.filter(([name]) => name !== 'Via');
}
