import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

import { got, TimeoutError, RequestError, type Response } from 'got';

import type { Reply } from './reply.js';

/** One HTTP call, as the sender needs it. */
export interface HttpCall {
  readonly url: string;
  /** `POST` by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** JSON text; none for a call without a body. */
  readonly body?: string;
  /** Laid over the sender's own; names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the sender's `requestTimeoutMs`, where it is shorter. */
  readonly timeoutMs?: number;
}

export interface HttpSenderOptions {
  readonly userAgent: string;
  /** From the call to the last byte of the answer; waiting for a socket is part of it. */
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Open connections per host, at most; they are kept alive. */
  readonly maxSockets: number;
  /** Characters of an answer that are kept: 1,000 by default, enough for logs and dead letters. */
  readonly maxReplyText?: number;
}

export interface HttpSender {
  send(call: HttpCall, signal: AbortSignal): Promise<Reply>;
  close(): void;
}

/** Longest answer that is read; Heap's are a few bytes, and the rest of a longer one would only fill memory. */
const maxReplyBytes = 64 * 1024;

/** Longest piece of an error's text that is kept. */
const maxErrorText = 1_000;

/**
 * Sends JSON over kept-alive connections. Answers with a value in every case: an HTTP status, a timeout, a network
 * error. Follows no redirects and retries nothing; both are policies of the layers above.
 */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const agentOptions = { keepAlive: true, maxSockets: options.maxSockets };
  const agent = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  const { maxReplyText = 1_000 } = options;
  const client = got.extend({
    agent,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    timeout: { request: options.requestTimeoutMs, connect: options.connectTimeoutMs },
    headers: { accept: '*/*', 'user-agent': options.userAgent },
  });

  return {
    send: ({ url, method = 'POST', body, headers = {}, timeoutMs = Infinity }, signal) =>
      new Promise((resolve) => {
        const stream = client.stream(url, {
          method,
          signal,
          // A stream with a method that takes a body would wait for one.
          ...(body === undefined && method === 'GET' ? {} : { body: body ?? '' }),
          headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
          timeout: {
            request: Math.min(timeoutMs, options.requestTimeoutMs),
            connect: Math.min(timeoutMs, options.connectTimeoutMs),
          },
        });
        const chunks: Buffer[] = [];
        let bytes = 0;
        let response: Response | undefined;
        const finish = (): void => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve(
            response === undefined ? noAnswer(new Error('no answer')) : answer(response, text.slice(0, maxReplyText)),
          );
        };
        stream.on('response', (received: Response) => {
          response = received;
        });
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= maxReplyBytes) {
            chunks.push(chunk);
            return;
          }
          // The status is known; the rest of the body is nothing that Heap sends.
          finish();
          stream.destroy();
        });
        stream.once('end', () => {
          finish();
          // Until it is destroyed, the signal keeps the stream and its body in memory.
          stream.destroy();
        });
        // Node hands the connection on and waits for whoever took it; no time-out of got's runs any more.
        stream.once('upgrade', (_response: unknown, socket: Duplex) => {
          socket.destroy();
          resolve(noAnswer(new Error('the host wants another protocol')));
          stream.destroy();
        });
        stream.once('error', (error) => {
          resolve(noAnswer(error));
        });
      }),
    close: () => {
      agent.http.destroy();
      agent.https.destroy();
    },
  };
}

function answer({ statusCode, headers }: Response, body: string): Reply {
  const retryAfter = headers['retry-after'];
  return { type: 'answer', status: statusCode, body, headers, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

function noAnswer(error: unknown): Reply {
  if (error instanceof TimeoutError) return { type: 'noAnswer', cause: 'timeout', detail: error.message };
  if (error instanceof RequestError) {
    return { type: 'noAnswer', cause: 'network', detail: `${error.code}: ${error.message}`.slice(0, maxErrorText) };
  }
  // Whatever else went wrong, the request may or may not have arrived: sending it again is the safe reading.
  return { type: 'noAnswer', cause: 'network', detail: String(error).slice(0, maxErrorText) };
}
