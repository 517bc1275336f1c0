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
  /** From the first byte sent to the last byte received. */
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
    send: async ({ url, body }, signal) => {
      let answered: Response | undefined;
      let cutAnswer: Response | undefined;
      const call = client(url, { body, signal });
      void call.on('response', (response: Response) => {
        answered = response;
      });
      void call.on('downloadProgress', ({ transferred }: { transferred: number }) => {
        if (transferred <= maxReplyBytes || cutAnswer !== undefined) return;
        cutAnswer = answered;
        call.cancel('the answer is longer than anything Heap sends');
      });
      try {
        return answer(await call);
      } catch (error) {
        if (cutAnswer !== undefined) {
          return answer({ statusCode: cutAnswer.statusCode, headers: cutAnswer.headers, body: '' });
        }
        return noAnswer(error);
      }
    },
    close: () => {
      agent.http.destroy();
      agent.https.destroy();
    },
  };
}

function answer(response: Pick<Response<string>, 'statusCode' | 'headers' | 'body'>): Reply {
  const retryAfter = response.headers['retry-after'];
  return {
    type: 'answer',
    status: response.statusCode,
    body: response.body.slice(0, maxReplyText),
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
