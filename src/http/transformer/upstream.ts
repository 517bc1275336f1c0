import { randomUUID } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions, ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { urlToHttpOptions } from 'node:url';

import { readFeatures, type UpstreamFeatures } from './upstream-features.js';
import { endToEnd, framing, pathOf } from './upstream-headers.js';

export interface UpstreamOptions {
  /** `http(s)://host`, with or without a port and a path that goes before every path; no credentials, no query. */
  readonly url: string;
  /** From the call to the last byte of the answer; `upstreamTimeoutMs` unless there is a reason. */
  readonly timeoutMs: number;
  /** 5 s by default: rudder-server asks every 10 s. */
  readonly featuresTimeoutMs?: number;
  /** Open connections, at most; without a bound by default, as rudder-server bounds its own. */
  readonly maxSockets?: number;
  /** Told of every call that the upstream failed. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The transformer of all other destinations, behind this one. Messages pass through as they are, in both directions: not
 * a byte of a body is looked at. Only what concerns one connection alone is not handed on (RFC 9110 §7.6.1), and requests
 * carry a `Via`, by which one that comes back is known.
 *
 * Fails closed: who gets no answer from the upstream is told to send again (503, which rudder-server's processor repeats
 * for ever and its router counts as a failure to repeat). An answer that breaks off breaks off for the client too. Nothing
 * is repeated here: that the upstream sent no answer does not say that it did nothing (RFC 9110 §9.2.2).
 */
export interface Upstream {
  /** Hands on a request whose body was not read yet, to the path in `request.url`, which a router must not have cut. */
  forward(request: IncomingMessage, response: ServerResponse): void;
  /** Hands on a request whose body was read already. `body` is what came: still encoded, if it was. */
  forwardBody(request: IncomingMessage, response: ServerResponse, body: Buffer): void;
  /** What the upstream answers to `GET /features`. Never rejects. */
  features(): Promise<UpstreamFeatures>;
  /** Ends every call and every connection. */
  close(): void;
}

/** As long as rudder-server waits for a transformation, by default. */
export const upstreamTimeoutMs = 600_000;

/** Node closes an idle connection after 5 s; a call that meets one just closing would fail for nothing. */
const maxIdleMs = 4_000;

/** @throws TypeError for a URL that is not one of a server and at most a path */
export function createUpstream(options: UpstreamOptions): Upstream {
  const url = new URL(options.url);
  if (!/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash !== '') {
    throw new TypeError('the URL of the upstream is not http(s)://host, with or without a port and a path');
  }
  const { featuresTimeoutMs = 5_000, maxSockets = Infinity, onFault, timeoutMs } = options;
  const agentOptions = { keepAlive: true, maxSockets, timeout: maxIdleMs };
  const isHttps = url.protocol === 'https:';
  const agent = isHttps ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const { protocol, hostname, port } = urlToHttpOptions(url);
  const prefix = url.pathname.replace(/\/+$/, '');
  const unanswered = new Set<ClientRequest>();

  const open = (method: string, path: string, headers: readonly string[], withinMs: number): ClientRequest => {
    const target: RequestOptions = { protocol, hostname, port, method, path: prefix + path, agent };
    const call = (isHttps ? httpsRequest : httpRequest)({ ...target, headers: ['Host', url.host, ...headers] });
    let answer: IncomingMessage | undefined;
    const timer = setTimeout(() => {
      // To destroy the call when its answer has begun would end the answer as if it were whole.
      (answer ?? call).destroy(new Error(`no whole answer within ${withinMs} ms`));
    }, withinMs);
    unanswered.add(call);
    call.once('response', (received) => {
      answer = received;
      unanswered.delete(call);
    });
    call.once('close', () => {
      clearTimeout(timer);
      unanswered.delete(call);
    });
    return call;
  };

  const exchange = (request: IncomingMessage, response: ServerResponse, body?: Buffer): void => {
    if (hasPassedHere(request)) {
      onFault(new Error('a request came back from the upstream: UPSTREAM_TRANSFORMER_URL leads here'));
      answerLoop(response);
      return;
    }
    // The client may have left while its body was read, and would not leave a second time.
    if (response.destroyed) return;
    const headers = [...endToEnd(request, ['host', 'content-length']), ...framing(request, body), 'Via', via];
    const call = open(request.method ?? 'GET', pathOf(request), headers, timeoutMs);
    const stopUpload = (): void => {
      request.unpipe(call);
      request.resume();
    };
    let isAnswered = false;
    let hasClientLeft = false;
    const fail = (error: unknown): void => {
      // The body may still fail to be sent when the answer is there: then the answer speaks for itself.
      if (isAnswered || hasClientLeft) return;
      isAnswered = true;
      stopUpload();
      onFault(error);
      answerUnreachable(response);
    };
    call.on('error', fail);
    call.once('close', () => {
      fail(new Error('the upstream closed without an answer'));
    });
    call.once('response', (answer) => {
      answer.once('error', (error) => {
        if (!hasClientLeft) onFault(error);
      });
      try {
        beginAnswer(response, answer);
      } catch (error) {
        fail(error);
        answer.destroy();
        return;
      }
      isAnswered = true;
      pipeline(answer, response, () => {
        if (call.writableEnded) return;
        // Who has answered reads no more.
        stopUpload();
        call.destroy();
      });
    });
    response.once('close', () => {
      hasClientLeft = !response.writableFinished;
      if (hasClientLeft) call.destroy();
    });
    if (body === undefined) request.pipe(call);
    else call.end(body);
  };

  return {
    forward: (request, response) => {
      exchange(request, response);
    },
    forwardBody: exchange,
    features: () => readFeatures(() => open('GET', '/features', ['Accept', '*/*'], featuresTimeoutMs)),
    close: () => {
      for (const call of unanswered) call.destroy(new Error('the upstream is closed'));
      agent.destroy();
    },
  };
}

/** @throws for what Node reads and does not write: a status under 100, control characters beside it */
function beginAnswer(response: ServerResponse, answer: IncomingMessage): void {
  const isChunked = answer.headers['transfer-encoding'] !== undefined;
  const headers = endToEnd(answer, isChunked ? ['content-length'] : []);
  clearHeaders(response);
  // One by one: writeHead keeps the last of several with the same name if any header was ever set before.
  for (let index = 0; index < headers.length; index += 2) {
    response.appendHeader(headers[index] ?? '', headers[index + 1] ?? '');
  }
  response.writeHead(answer.statusCode ?? 0, answer.statusMessage ?? '');
}

/** Tells this process from others on the way of a request (RFC 9110 §7.6.3). */
const via = `1.1 heap-destination-${randomUUID()}`;

/** An upstream that is this process, perhaps behind a service's name, would be asked without end. */
function hasPassedHere({ headers }: IncomingMessage): boolean {
  return headers.via?.includes(via) === true;
}

function answerLoop(response: ServerResponse): void {
  const body = '{"error":"the upstream transformer leads back here"}';
  clearHeaders(response);
  response
    .writeHead(508, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length })
    .end(body);
}

/** Never with `apiVersion`: this is no answer of a transformer. */
function answerUnreachable(response: ServerResponse): void {
  const body = '{"error":"the upstream transformer gave no answer; send the request again"}';
  clearHeaders(response);
  response
    .writeHead(503, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'X-Rudder-Should-Retry': 'true',
      'X-Rudder-Error-Reason': 'upstream_unreachable',
    })
    .end(body);
}

function clearHeaders(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
}
