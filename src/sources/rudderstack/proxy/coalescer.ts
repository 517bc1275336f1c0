import type { Operation } from '../../../core/batching/operation.js';
import { planRequests, type BatchLimits, type PlannedRequest } from '../../../core/batching/plan-requests.js';
import type { RequestRules } from '../../../core/batching/request-rules.js';
import type { Clock } from '../../../core/clock.js';
import { isJsonObject } from '../../../core/json/json.js';
import { attribute } from './attribute-results.js';
import type { ProxyEntry } from './deliver-items.js';
import type { JobResult } from './job-result.js';
import type { ProxyCall, ReadRequest } from './proxy-call.js';
import type { ProxyRequest } from './read-proxy-request.js';

export interface CoalescerOptions {
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly rules: RequestRules;
  readonly limits: BatchLimits;
  /** False for an operation that the destination is likely to refuse. */
  readonly fitsBulk: (operation: Operation) => boolean;
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
    if (read === undefined || mustBeAlone(request) || !this.#canShare(read)) return undefined;
    // Who has no time for the window and for the request after it goes alone.
    if (call.deadline - this.options.clock.now() < 2 * this.options.lingerMs) return undefined;
    const key = JSON.stringify([request.url.href, read.lane.appId, request.headers]);
    return new Promise((resolve) => {
      this.#enter(key, { call, read, answer: resolve });
    });
  }

  /** What nearly fills a request by itself gains nothing, and what is likely to be refused costs the others. */
  #canShare({ kind, lane, operations }: ReadRequest): boolean {
    const { rules, limits } = this.options;
    const kindRules = rules[kind];
    if (kindRules === undefined || kindRules.maxItems < 2) return false;
    const bytes = operations.reduce((sum, operation) => sum + operation.bytes, kindRules.overheadBytes(lane));
    if (operations.length === 0 || operations.length >= limits.maxItems || bytes >= limits.maxBytes / 2) return false;
    return operations.every((operation) => this.options.fitsBulk(operation));
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
    if (first === undefined) return;
    if (others.length === 0) {
      first.answer(this.options.deliverAlone(first.call));
      return;
    }
    const calls = waiting.map((each) => new PendingCall(each));
    try {
      await this.#deliverTogether(calls, first.call);
    } catch (error) {
      for (const call of calls) call.fail(error);
    }
  }

  async #deliverTogether(calls: readonly PendingCall[], first: ProxyCall): Promise<void> {
    const { rules, limits, deliverTogether } = this.options;
    const plan = planRequests(
      calls.flatMap(({ entries }) => entries),
      rules,
      limits,
    );
    const deadline = Math.min(...calls.map(({ call }) => call.deadline));
    for (const { settle } of plan.oversized) settle(tooLarge);
    const sendings: Promise<void>[] = [];
    for (const request of plan.requests) {
      const sending = deliverTogether(request, first, deadline);
      // A second write of one user that found no room in the first request must not overtake it.
      if (rules[request.kind]?.merge === undefined) sendings.push(sending);
      else await sending;
    }
    await Promise.all(sendings);
  }
}

/** rudder-server was told, perhaps by this proxy, to send the job by itself. */
function mustBeAlone({ metadata }: ProxyRequest): boolean {
  return metadata.some((job) => isJsonObject(job) && job.dontBatch === true);
}

/** A call of a closed window: its items, and its answer when the last of them is settled. */
class PendingCall {
  readonly call: ProxyCall;
  readonly entries: readonly ProxyEntry[];
  #fail: (error: unknown) => void = () => undefined;

  constructor({ call, read, answer }: Waiting) {
    this.call = call;
    const results: JobResult[] = [];
    let left = read.operations.length;
    let finish: () => void = () => undefined;
    const settled = new Promise<void>((resolve, reject) => {
      finish = resolve;
      this.#fail = reject;
    });
    answer(settled.then(() => attribute(call, results)));
    this.entries = read.operations.map((operation, index) => ({
      operation,
      settle: (result) => {
        results[index] = result;
        left -= 1;
        if (left === 0) finish();
      },
    }));
  }

  /** Answers with an error, unless the call is answered already. */
  fail(error: unknown): void {
    this.#fail(error);
  }
}

const tooLarge: JobResult = { status: 413, text: 'the item alone is over the byte limit of a request', headers: {} };
