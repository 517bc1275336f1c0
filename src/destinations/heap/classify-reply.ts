import type { Classify, Reply, SendOutcome } from '../../core/delivery/reply.js';
import { parseRetryAfter } from '../../core/delivery/retry-after.js';

type Verdict = 'delivered' | 'throttled' | 'retry' | 'rejected' | 'tooLarge' | 'halted';

/**
 * What an HTTP status from Heap's ingestion API means; the first row that matches counts. Heap documents 200 and 400
 * only (https://developers.heap.io/reference/track-1); its own clients also meet 204 and treat anything but 2xx and 400
 * as "later" (https://github.com/heap/heap-swift-core-sdk, UploadOperation). The rest follows from what an HTTP status
 * is for.
 */
const statusVerdicts: readonly (readonly [from: number, to: number, Verdict])[] = [
  // Whatever the body: `{}`, `OK` or nothing.
  [200, 299, 'delivered'],
  // A redirect is never followed: an ingestion URL that redirects is a wrong URL.
  [300, 399, 'halted'],
  [400, 400, 'rejected'],
  [408, 408, 'retry'],
  [413, 413, 'tooLarge'],
  [421, 421, 'retry'],
  [422, 422, 'rejected'],
  [425, 425, 'retry'],
  [429, 429, 'throttled'],
  // 401, 403, 404 and the like: a wrong URL, region or proxy. Nothing is given up for a wrong setting.
  [400, 499, 'halted'],
];

/** The one place where a reply from Heap gets its meaning. */
export const classifyHeapReply: Classify = (reply, now) => {
  if (reply.type === 'noAnswer') {
    return { type: 'retry', cause: reply.cause, detail: `${reply.cause}: ${reply.detail}` };
  }
  const verdict = statusVerdicts.find(([from, to]) => reply.status >= from && reply.status <= to)?.[2] ?? 'retry';
  return outcome(verdict, reply, now);
};

function outcome(verdict: Verdict, reply: Extract<Reply, { type: 'answer' }>, now: number): SendOutcome {
  if (verdict === 'delivered') return { type: 'delivered' };
  const detail = `HTTP ${reply.status}${reply.body === '' ? '' : ` ${reply.body}`}`;
  if (verdict !== 'throttled' && verdict !== 'retry') return { type: verdict, detail };
  const afterMs = parseRetryAfter(reply.retryAfter, now);
  const wait = afterMs === undefined ? {} : { afterMs };
  return verdict === 'retry' ? { type: verdict, cause: 'answer', detail, ...wait } : { type: verdict, detail, ...wait };
}
