import type { Operation } from '../../../core/batching/operation.js';
import { composeRequest, type BatchLimits, type PlannedRequest } from '../../../core/batching/plan-requests.js';
import type { RequestRules } from '../../../core/batching/request-rules.js';
import type { Clock } from '../../../core/clock.js';
import type { HttpSender } from '../../../core/delivery/http-sender.js';
import type { Reply } from '../../../core/delivery/reply.js';
import type { JsonObject } from '../../../core/json/json.js';
import type { EventIds } from '../failure.js';
import { idsOf } from '../rudder-event.js';
import type { IsAllowed } from './allowed-hosts.js';
import { attribute, attributeWhole, forAll } from './attribute-results.js';
import { Coalescer } from './coalescer.js';
import { deliverItems, type ProxyEntry, type SendOnce } from './deliver-items.js';
import { isRefusal, resultOf, type JobResult } from './job-result.js';
import type { ProxyCall, ReadRequest } from './proxy-call.js';
import type { ProxyRequest } from './read-proxy-request.js';

export interface ProxyOptions {
  readonly http: HttpSender;
  readonly rules: RequestRules;
  /** Takes a request to the destination apart; `undefined` for one that can't be. */
  readonly readRequest: (url: URL, body: JsonObject) => ReadRequest | undefined;
  readonly isAllowed: IsAllowed;
  /** For requests that are put together here. */
  readonly limits: BatchLimits;
  /** False for an operation that the destination is likely to refuse: it shares no request. */
  readonly fitsBulk: (operation: Operation) => boolean;
  /** How long a call waits for others to share a request with; 0 sends every call by itself. */
  readonly coalesceMs: number;
  readonly clock: Clock;
  readonly observer: ProxyObserver;
}

/** A request as it is counted. */
export interface SentRequest {
  readonly kind: string;
  readonly path: string;
  readonly items: number;
  readonly bytes: number;
  /** Of the first of its jobs. */
  readonly ids: EventIds;
}

/** Hears what is sent; metrics and logs are made of it. */
export interface ProxyObserver {
  onReply(request: SentRequest, reply: Reply, seconds: number): void;
  onSplit(kind: string): void;
  onForbiddenHost(host: string): void;
}

/** rudder-server sends itself like this; Heap sees the same sender on both ways of delivery. */
const userAgent = 'RudderLabs';

/**
 * Delivers what proxy calls ask for, each request once, and says how each job ended. Waits for nothing but Heap: what may
 * be tried again is tried again by rudder-server, which keeps the queue.
 */
export class ProxyDelivery {
  readonly #coalescer: Coalescer | undefined;

  constructor(private readonly options: ProxyOptions) {
    const { coalesceMs, clock, rules, limits, fitsBulk } = options;
    if (coalesceMs > 0) {
      this.#coalescer = new Coalescer({
        lingerMs: coalesceMs,
        clock,
        rules,
        limits,
        fitsBulk,
        deliverAlone: (call) => this.#deliverAlone(call),
        deliverTogether: (planned, call, deadline) =>
          deliverItems(planned, this.#division(this.#sendOnce(call), deadline)),
      });
    }
  }

  /**
   * @param timeoutMs the time that the call may take in all.
   * @returns one result per job, in their order.
   */
  async deliver(request: ProxyRequest, timeoutMs: number): Promise<readonly JobResult[]> {
    const { isAllowed, observer, readRequest, clock } = this.options;
    if (!isAllowed(request.url)) {
      observer.onForbiddenHost(request.url.host);
      // Retryable: for a wrong setting nothing is given up. Nothing was sent.
      const text = `the host ${request.url.host} is not among the allowed ones; see DELIVERY_ALLOWED_HOSTS`;
      return forAll(request, { status: 500, text, headers: {} });
    }
    const read = readRequest(request.url, request.body);
    const call: ProxyCall = { request, read, deadline: clock.now() + timeoutMs };
    return (await this.#coalescer?.deliver(call)) ?? this.#deliverAlone(call);
  }

  /** Sends the call's own body as it is; only when it is refused is it taken apart. */
  async #deliverAlone(call: ProxyCall): Promise<readonly JobResult[]> {
    const { request, read, deadline } = call;
    const { clock, rules } = this.options;
    const send = this.#sendOnce(call);
    const whole = await send(
      JSON.stringify(request.body),
      read?.operations.length ?? 1,
      Math.max(1, deadline - clock.now()),
    );
    const kindRules = rules[read?.kind ?? ''];
    if (!isRefusal(whole) || read === undefined || kindRules === undefined || read.operations.length < 2) {
      return attributeWhole(call, whole);
    }
    const results: JobResult[] = [];
    const entries = read.operations.map((operation, index): ProxyEntry => ({
      operation,
      settle: (result) => (results[index] = result),
    }));
    const items = entries.map((entry) => ({
      text: entry.operation.text,
      bytes: entry.operation.bytes,
      entries: [entry],
    }));
    await deliverItems(composeRequest(read.lane, read.kind, kindRules, items), this.#division(send, deadline), whole);
    return attribute(call, results);
  }

  #division(send: SendOnce, deadline: number) {
    const { rules, clock, observer } = this.options;
    return {
      rules,
      send,
      remainingMs: () => deadline - clock.now(),
      onSplit: ({ kind }: PlannedRequest<ProxyEntry>) => {
        observer.onSplit(kind);
      },
    };
  }

  #sendOnce({ request, read }: ProxyCall): SendOnce {
    const { http, observer, rules } = this.options;
    const kind = read?.kind ?? 'other';
    const path = rules[kind]?.path ?? 'other';
    const ids = idsOf(request.metadata[0]);
    return async (body, items, timeoutMs) => {
      const startedAt = performance.now();
      const headers = { accept: 'application/json', ...request.headers, 'user-agent': userAgent };
      const reply = await http.send(
        { url: request.url.href, body, headers, timeoutMs },
        AbortSignal.timeout(timeoutMs),
      );
      const seconds = (performance.now() - startedAt) / 1000;
      observer.onReply({ kind, path, items, bytes: Buffer.byteLength(body), ids }, reply, seconds);
      return resultOf(reply);
    };
  }
}
