import { planRequests, type BatchLimits, type PlannedRequest } from '../../../core/batching/plan-requests.js';
import type { RequestRules } from '../../../core/batching/request-rules.js';
import type { Clock } from '../../../core/clock.js';
import { attribute } from './attribute-results.js';
import type { ProxyEntry } from './deliver-items.js';
import type { JobResult } from './job-result.js';
import type { ProxyCall, ReadRequest } from './proxy-call.js';

export interface CoalescerOptions {
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly rules: RequestRules;
  readonly limits: BatchLimits;
  readonly deliverAlone: (call: ProxyCall) => Promise<readonly JobResult[]>;
  /** Delivers a request that was put together of several calls, with the URL and headers of one of them. */
  readonly deliverTogether: (request: PlannedRequest<ProxyEntry>, call: ProxyCall, deadline: number) => Promise<void>;
}

interface Waiting {
  readonly call: ProxyCall;
  readonly read: ReadRequest;
  readonly answer: (results: Promise<readonly JobResult[]>) => void;
}

interface Window {
  readonly waiting: Waiting[];
  items: number;
  bytes: number;
  readonly full: AbortController;
}

/**
 * Sends proxy calls for one app_id and kind that come at the same time as one bulk request, and gives each call its own
 * results. A window opens with the first call and closes after `lingerMs`, or when a request is full; a call that stays
 * alone in it is sent as it came.
 *
 * Order: rudder-server sends a user's next event when it has the answer to the one before, so that two calls in one
 * window are of different users, or of one that it does not order.
 */
export class Coalescer {
  readonly #windows = new Map<string, Window>();

  constructor(private readonly options: CoalescerOptions) {}

  /** `undefined` for a call that can't share a request. */
  deliver(call: ProxyCall): Promise<readonly JobResult[]> | undefined {
    const { read, request } = call;
    if (read === undefined || !this.#canShare(read)) return undefined;
    const key = JSON.stringify([request.url.href, read.lane.appId, request.headers]);
    return new Promise((resolve) => {
      this.#enter(key, { call, read, answer: resolve });
    });
  }

  #canShare({ kind, operations }: ReadRequest): boolean {
    const { rules, limits } = this.options;
    const bytes = operations.reduce((sum, operation) => sum + operation.bytes, 0);
    const hasBulk = (rules[kind]?.maxItems ?? 1) > 1;
    // What fills a request by itself gains nothing. Half of the bytes leave room for what a request has around its items.
    return hasBulk && operations.length > 0 && operations.length < limits.maxItems && bytes < limits.maxBytes / 2;
  }

  #enter(key: string, waiting: Waiting): void {
    const { limits } = this.options;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { waiting: [], items: 0, bytes: 0, full: new AbortController() };
      this.#windows.set(key, window);
      void this.#closeLater(key, window);
    }
    window.waiting.push(waiting);
    for (const { bytes } of waiting.read.operations) window.bytes += bytes;
    window.items += waiting.read.operations.length;
    if (window.items >= limits.maxItems || window.bytes >= limits.maxBytes) window.full.abort();
  }

  async #closeLater(key: string, { waiting, full }: Window): Promise<void> {
    await this.options.clock.sleep(this.options.lingerMs, full.signal);
    this.#windows.delete(key);
    const [first, ...others] = waiting;
    if (first !== undefined && others.length === 0) first.answer(this.options.deliverAlone(first.call));
    else this.#deliverTogether(waiting);
  }

  #deliverTogether(waiting: readonly Waiting[]): void {
    const { rules, limits, deliverTogether } = this.options;
    const calls = waiting.map(({ call, read, answer }) => {
      const results: JobResult[] = [];
      let left = read.operations.length;
      let finish: () => void = () => undefined;
      let fail: (error: unknown) => void = () => undefined;
      answer(
        new Promise<void>((resolve, reject) => {
          finish = resolve;
          fail = reject;
        }).then(() => attribute(call, results)),
      );
      const entries = read.operations.map((operation, index): ProxyEntry => ({
        operation,
        settle: (result) => {
          results[index] = result;
          left -= 1;
          if (left === 0) finish();
        },
      }));
      return { call, entries, fail };
    });
    const plan = planRequests(
      calls.flatMap(({ entries }) => entries),
      rules,
      limits,
    );
    const deadline = Math.min(...waiting.map(({ call }) => call.deadline));
    const [{ call } = {}] = waiting;
    if (call === undefined) return;
    for (const request of plan.requests) {
      deliverTogether(request, call, deadline).catch((error: unknown) => {
        for (const { fail } of calls) fail(error);
      });
    }
  }
}
