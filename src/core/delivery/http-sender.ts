import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import { got, TimeoutError, RequestError, type Response } from 'got';

import type { Reply } from './reply.js';

/** One HTTP call, as the sender needs it. */
export interface HttpCall {
  readonly url: string;
  readonly body: string;
}

export interface HttpSenderOptions {
  readonly userAgent: string;
  /** From the call to the last byte of the answer; waiting for a socket is part of it. */
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Open connections per host, at most; they are kept alive. */
  readonly maxSockets: number;
}

export interface HttpSender {
  send(call: HttpCall, signal: AbortSignal): Promise<Reply>;
  close(): void;
}

/** Longest answer that is read; Heap's are a few bytes, and the rest of a longer one would only fill memory. */
const maxReplyBytes = 64 * 1024;

/** Longest piece of an answer that is kept, for logs and dead letters. */
const maxReplyText = 1_000;

/**
 * Posts JSON over kept-alive connections. Answers with a value in every case: an HTTP status, a timeout, a network
 * error. Follows no redirects and retries nothing; both are policies of the layers above.
 */
export function createHttpSender(options: HttpSenderOptions): HttpSender {
  const agentOptions = { keepAlive: true, maxSockets: options.maxSockets };
  const agent = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };
  const client = got.extend({
    method: 'POST',
    agent,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    timeout: { request: options.requestTimeoutMs, connect: options.connectTimeoutMs },
    headers: { 'content-type': 'application/json', accept: '*/*', 'user-agent': options.userAgent },
  });

  return {
    send: ({ url, body }, signal) =>
      new Promise((resolve) => {
        const stream = client.stream(url, { body, signal });
        const chunks: Buffer[] = [];
        let bytes = 0;
        let response: Response | undefined;
        const finish = (): void => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve(response === undefined ? noAnswer(new Error('no answer')) : answer(response, text));
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

function answer({ statusCode, headers }: Response, text: string): Reply {
  const retryAfter = headers['retry-after'];
  return {
    type: 'answer',
    status: statusCode,
    body: text.slice(0, maxReplyText),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function noAnswer(error: unknown): Reply {
  if (error instanceof TimeoutError) return { type: 'noAnswer', cause: 'timeout', detail: error.message };
  if (error instanceof RequestError) {
    return { type: 'noAnswer', cause: 'network', detail: `${error.code}: ${error.message}`.slice(0, maxReplyText) };
  }
  // Whatever else went wrong, the request may or may not have arrived: sending it again is the safe reading.
  return { type: 'noAnswer', cause: 'network', detail: String(error).slice(0, maxReplyText) };
}
