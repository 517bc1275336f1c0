import type { Operation } from '../../../core/batching/operation.js';
import { composeRequest, takeApart, type PlannedRequest } from '../../../core/batching/plan-requests.js';
import type { RequestRules } from '../../../core/batching/request-rules.js';
import type { PieceVerdict } from '../../../core/delivery/culprit-search.js';
import { deliverDivided } from '../../../core/delivery/deliver-divided.js';
import { isRefusal, type JobResult } from './job-result.js';

/** One item of a request and where the results of its jobs go. */
export interface ProxyEntry {
  readonly operation: Operation;
  readonly settle: (result: JobResult) => void;
}

/** Sends a request once, to the URL and with the headers of the call it belongs to. */
export type SendOnce = (body: string, items: number, timeoutMs: number) => Promise<JobResult>;

export interface DividedDelivery {
  readonly rules: RequestRules;
  readonly send: SendOnce;
  /** Milliseconds that are left of the call's time. */
  readonly remainingMs: () => number;
  readonly onSplit: (request: PlannedRequest<ProxyEntry>) => void;
}

/**
 * Requests that one refused request may become. Enough to find a dozen culprits in a thousand; a destination that refuses
 * everything is not asked about each item.
 */
const maxRequests = 250;

const unsettled: JobResult = {
  status: 500,
  text: 'the request was refused and not all of its items could be tried by themselves in time; to be sent again alone',
  headers: {},
  dontBatch: true,
};

/**
 * Delivers a request's items and settles each: where the request is refused as a whole it is divided until the culprits
 * stand alone, so that everything else arrives.
 *
 * @param known the answer to `request`, where it was sent already.
 */
export async function deliverItems(
  request: PlannedRequest<ProxyEntry>,
  { rules, send, remainingMs, onSplit }: DividedDelivery,
  known?: JobResult,
): Promise<void> {
  const kindRules = rules[request.kind];
  if (kindRules === undefined) throw new Error(`no request rules for operations of kind ${request.kind}`);
  let requests = 0;
  await deliverDivided<ProxyEntry, JobResult>(
    request,
    async (part) => {
      const timeoutMs = remainingMs();
      requests += 1;
      if (requests > maxRequests || timeoutMs <= 0) return unsettled;
      if (part !== request) onSplit(part);
      const result = await send(part.body, part.items.length, timeoutMs);
      // Nobody knows whether the culprit is in a piece that was not answered: by itself, each job will have its answer.
      return part !== request && result.isUnanswered === true ? { ...result, dontBatch: true } : result;
    },
    verdictOf,
    { compose: (items) => composeRequest(request.lane, request.kind, kindRules, items), takeApart },
    (item, result) => {
      for (const entry of item.entries) entry.settle(result);
    },
    known,
  );
}

function verdictOf(result: JobResult): PieceVerdict {
  if (result.status === 200) return 'clean';
  if (result.status === 413) return 'tooLarge';
  return isRefusal(result) ? 'refused' : 'unknown';
}
