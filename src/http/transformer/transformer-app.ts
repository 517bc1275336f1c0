import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';

import type { Json } from '../../core/json/json.js';
import { isJsonObject } from '../../core/json/json.js';
import { parseJson } from '../../core/json/parse-json.js';
import { deleteUsers, destTypeOf, type DeleteUsersOptions } from '../../sources/rudderstack/delete-users.js';
import { answerV0, answerV1 } from '../../sources/rudderstack/proxy/proxy-answer.js';
import type { ProxyDelivery } from '../../sources/rudderstack/proxy/proxy-delivery.js';
import { readProxyRequest } from '../../sources/rudderstack/proxy/read-proxy-request.js';
import type { Transforms } from '../../sources/rudderstack/transforms.js';
import {
  errorAnswer,
  jsonAnswer,
  notFound,
  overloadAnswer,
  send,
  textAnswer,
  unknownDestination,
  versionedAnswer,
  type Answer,
} from './answers.js';
import { BufferPool } from '../buffer-pool.js';
import { releaseBody } from '../read-body.js';
import type { FeaturesAnswer } from './features-answer.js';
import type { OverloadGuard } from './overload-guard.js';
import { receiveBody, type ReceivedBody } from './receive-body.js';
import type { Upstream } from './upstream.js';

export interface TransformerAppOptions {
  /** The destination's name in paths and bodies, in lower case. */
  readonly destType: string;
  readonly transforms: Transforms;
  readonly proxy: ProxyDelivery;
  readonly deletion: DeleteUsersOptions;
  readonly features: () => Promise<FeaturesAnswer>;
  /** The transformer of all other destinations; without one they are unknown. */
  readonly upstream: Upstream | undefined;
  readonly guard: OverloadGuard;
  readonly maxBodyBytes: number;
  /** The time that a proxy call has without an `RdProxy-Timeout`. */
  readonly proxyTimeoutMs: number;
  readonly build: BuildInfo;
  /** Aborted when the service stops: who waits for Heap alone is answered at once. */
  readonly stopping: AbortSignal;
  readonly observer: TransformerAppObserver;
}

export interface BuildInfo {
  readonly version: string;
  readonly buildVersion: string | undefined;
  readonly gitCommitSha: string | undefined;
}

/** One answered request. */
export interface AnsweredRequest {
  readonly method: string;
  /** One of the protocol's paths, or `other`; never whatever was asked for. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  /** It was for our destination, not for one of the upstream's or for none. */
  readonly isOwn: boolean;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

export interface TransformerAppObserver {
  onRequest(request: AnsweredRequest): void;
  onFenced(route: string): void;
  onDeletion(succeeded: boolean, seconds: number): void;
  onFeaturesFault(fault: string): void;
  /** Told about errors that are nobody's fault but ours. */
  onError(error: unknown): void;
}

/** What nginx logs when a client is gone before its answer. */
const clientLeft = 499;

/** Longest time that a caller may ask a proxy call to take: as long as rudder-server itself waits for an answer. */
const maxProxyTimeoutMs = 600_000;

/** Marks the answer to a request whose body names our destination. */
const ownRequest = 'isOwn';

/** The length of a body that was read. */
const receivedBytes = 'receivedBytes';

/** A body that was read. */
type Received = Extract<ReceivedBody, { ok: true }>;

/**
 * The port of rudder-transformer's protocol, for one destination. Never answers a status that depends on the events of a
 * batch: rudder-server gives up all of them on a 4xx and stops over a lasting 5xx.
 */
export function createTransformerApp(options: TransformerAppOptions): Express {
  const { destType, transforms, proxy, deletion, upstream, build, observer } = options;
  const pool = new BufferPool();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  const isOurs = (name: string | undefined): boolean => (name ?? '').trim().toLowerCase() === destType;

  /** Answers a request that names another destination in its path. */
  const elsewhere = (request: Request, response: Response, name: string): void => {
    if (upstream === undefined) send(response, unknownDestination(name));
    else upstream.forward(request, response);
  };

  const withBody = async (
    route: string,
    request: Request,
    response: Response,
    handle: (received: Received) => Answer | undefined | Promise<Answer | undefined>,
  ): Promise<void> => {
    const announced = announcedBytes(request);
    // Told before it is admitted: what can never be taken must not be told to come back.
    if (announced > options.maxBodyBytes) {
      send(response, errorAnswer(413, `at most ${options.maxBodyBytes} bytes, before and after decompression`));
      return;
    }
    const admission = options.guard.admit(announced);
    if (!admission.ok) {
      observer.onFenced(route);
      send(response, overloadAnswer(admission.reason));
      return;
    }
    // Express, the admission and an upstream's pipeline each listen for its end; Node's default of ten means a leak.
    response.setMaxListeners(30);
    // Until the answer has left, the request and what it became are in memory.
    response.once('close', () => {
      admission.release();
    });
    const body = await receiveBody(request, options.maxBodyBytes, admission, pool);
    if (body.ok) response.locals[receivedBytes] = body.sent.length;
    const answer = body.ok ? await handle(body) : body.answer;
    if (answer === undefined) return;
    if (answer.retryReason !== undefined) observer.onFenced(route);
    send(response, answer);
    if (body.ok) releaseBody(body.sent, pool);
  };

  app.post('/:version/destinations/:name', (request, response) => {
    const { version, name } = request.params;
    const route = observed(request, response, `/${knownVersion(version)}/destinations/`, name);
    if (!isOurs(name)) {
      elsewhere(request, response, name);
      return undefined;
    }
    return withBody(route, request, response, ({ decoded }) => {
      const answer = transforms.processor(decoded);
      return answer.ok ? versionedAnswer(200, answer.body) : errorAnswer(400, answer.message);
    });
  });

  app.post('/:version/destinations/:name/proxy', (request, response) => {
    const { version, name } = request.params;
    const route = observed(request, response, `/${knownVersion(version)}/destinations/`, name, '/proxy');
    if (!isOurs(name)) {
      elsewhere(request, response, name);
      return undefined;
    }
    return withBody(route, request, response, async ({ decoded }) => {
      const answer = version.toLowerCase() === 'v0' ? answerV0 : answerV1;
      const read = readProxyRequest(parseJson(decoded) ?? null);
      const results = read.ok
        ? await proxy.deliver(read.request, timeoutOf(request, options.proxyTimeoutMs))
        : (read.metadata.length === 0 ? [null] : read.metadata).map(() => ({
            status: 400,
            text: read.message,
            headers: {},
          }));
      const { status, body } = answer(read.ok ? read.request.metadata : read.metadata, results, destType);
      return versionedAnswer(status, body);
    });
  });

  /** A route whose body names the destination. */
  const named = (
    path: string,
    nameOf: (body: Json) => string | undefined,
    handle: (body: Json, response: Response) => Answer | Promise<Answer>,
  ): void => {
    app.post(path, (request, response) => {
      observed(request, response, path);
      return withBody(path, request, response, async ({ sent, decoded }) => {
        const body = parseJson(decoded);
        const name = body === undefined ? undefined : nameOf(body);
        if (body !== undefined && isOurs(name)) {
          response.locals[ownRequest] = true;
          return handle(body, response);
        }
        if (upstream !== undefined) {
          upstream.forwardBody(request, response, sent);
          return undefined;
        }
        return body === undefined ? errorAnswer(400, 'the body is not JSON') : unknownDestination(name ?? '');
      });
    });
  };

  named('/routerTransform', routerDestType, (body) => versionedAnswer(200, `{"output":${transforms.router(body)}}`));
  named('/batch', routerDestType, (body) => versionedAnswer(200, transforms.router(body)));
  named('/deleteUsers', destTypeOf, async (body, response) => {
    const startedAt = performance.now();
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort();
    });
    // What Heap has taken by then goes on there; the worker asks again.
    const signal = AbortSignal.any([gone.signal, options.stopping]);
    const { httpStatus, results } = await deleteUsers(body, deletion, signal);
    observer.onDeletion(httpStatus === 200, (performance.now() - startedAt) / 1000);
    return jsonAnswer(httpStatus, JSON.stringify(results));
  });

  app.get('/features', async (request, response) => {
    observed(request, response, '/features');
    const { status, text, upstreamFault } = await options.features();
    if (upstreamFault !== undefined) observer.onFeaturesFault(upstreamFault);
    send(response, textAnswer(status, text));
  });
  app.get('/health', (request, response) => {
    observed(request, response, '/health');
    send(response, jsonAnswer(200, healthText(build)));
  });
  for (const path of ['/buildVersion', '/transformerBuildVersion']) {
    app.get(path, (request, response) => {
      observed(request, response, path);
      send(response, textAnswer(200, build.buildVersion ?? 'Version Info not found'));
    });
  }
  app.get('/version', (request, response) => {
    observed(request, response, '/version');
    send(response, textAnswer(200, build.version));
  });
  app.use((request, response) => {
    observed(request, response, 'other');
    if (upstream === undefined) send(response, notFound);
    else upstream.forward(request, response);
  });
  app.use(((error, _request, response, _next) => {
    if (isClientFault(error)) {
      send(response, notFound);
      return;
    }
    observer.onError(error);
    if (response.headersSent) response.destroy();
    else send(response, errorAnswer(500, 'the service failed; the fault is logged'));
  }) satisfies ErrorRequestHandler);

  /** Observes a request to its end under its route. */
  function observed(request: Request, response: Response, prefix: string, name?: string, suffix = ''): string {
    const route = name === undefined ? prefix : `${prefix}${isOurs(name) ? destType : ':other'}${suffix}`;
    const startedAt = performance.now();
    const { socket } = request;
    const before = socket.bytesWritten;
    response.once('close', () => {
      observer.onRequest({
        method: request.method,
        route,
        status: response.writableFinished ? response.statusCode : clientLeft,
        seconds: (performance.now() - startedAt) / 1000,
        isOwn: (name !== undefined && isOurs(name)) || response.locals[ownRequest] === true,
        requestBytes: (response.locals[receivedBytes] as number | undefined) ?? announcedBytes(request),
        // What the upstream answers may be of no announced length.
        responseBytes: Number(response.getHeader('content-length') ?? socket.bytesWritten - before),
      });
    });
    return route;
  }

  return app;
}

function announcedBytes({ headers }: Request): number {
  const length = Number(headers['content-length'] ?? 0);
  return Number.isSafeInteger(length) && length > 0 ? length : 0;
}

/** Versions are `v0` and `v1`; what else stands there is taken, and is no label. */
function knownVersion(version: string): string {
  return /^v\d$/i.test(version) ? version.toLowerCase() : ':version';
}

function routerDestType(body: Json): string | undefined {
  const destType = isJsonObject(body) ? body.destType : undefined;
  return typeof destType === 'string' ? destType : undefined;
}

function timeoutOf({ headers }: Request, fallbackMs: number): number {
  const asked = Number(headers['rdproxy-timeout']);
  return Number.isFinite(asked) && asked > 0 ? Math.min(Math.ceil(asked), maxProxyTimeoutMs) : fallbackMs;
}

function healthText({ buildVersion, gitCommitSha }: BuildInfo): string {
  return JSON.stringify({
    service: 'UP',
    ...(buildVersion === undefined ? {} : { version: buildVersion }),
    ...(gitCommitSha === undefined ? {} : { gitCommitSha }),
  });
}

/** A path that can't be decoded. */
function isClientFault(error: unknown): boolean {
  return error instanceof URIError;
}
