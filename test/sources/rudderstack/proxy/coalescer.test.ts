import { beforeEach, describe, expect, it } from '@jest/globals';

import type { PlannedRequest } from '../../../../src/core/batching/plan-requests.js';
import { readHeapRequest } from '../../../../src/destinations/heap/read-request.js';
import { heapRequestRules } from '../../../../src/destinations/heap/request-rules.js';
import { Coalescer } from '../../../../src/sources/rudderstack/proxy/coalescer.js';
import type { ProxyEntry } from '../../../../src/sources/rudderstack/proxy/deliver-items.js';
import type { JobResult } from '../../../../src/sources/rudderstack/proxy/job-result.js';
import type { ProxyCall } from '../../../../src/sources/rudderstack/proxy/proxy-call.js';
import { appId, jobs } from '../../../support/proxy.js';
import { settled, VirtualClock } from '../../../support/virtual-clock.js';

const lingerMs = 20;

/** A request that was sent together, with its deadline; the test settles its items. */
interface Together {
  readonly request: PlannedRequest<ProxyEntry>;
  readonly deadline: number;
  readonly fail: (error: Error) => void;
}

let clock: VirtualClock;
let alone: ProxyCall[];
let together: Together[];
let coalescer: Coalescer;

beforeEach(() => {
  clock = new VirtualClock();
  alone = [];
  together = [];
  coalescer = new Coalescer({
    lingerMs,
    clock,
    rules: heapRequestRules,
    limits: { maxItems: 4, maxBytes: 10_000 },
    fitsBulk: ({ text }) => !text.includes('doubtful'),
    deliverAlone: (call) => {
      alone.push(call);
      return Promise.resolve([result('alone')]);
    },
    deliverTogether: (request, _call, deadline) =>
      new Promise((_resolve, reject) => {
        together.push({ request, deadline, fail: reject });
      }),
  });
});

function result(text: string): JobResult {
  return { status: 200, text, headers: {} };
}

function callOf(events: readonly string[], timeoutMs = 1_000): ProxyCall {
  const url = new URL('https://heapanalytics.com/api/track');
  const body = { app_id: appId, events: events.map((event) => ({ identity: 'ann', event })) };
  return {
    request: { url, headers: {}, body, metadata: jobs(events.length), jobsPerItem: undefined },
    read: readHeapRequest(url, body),
    deadline: clock.now() + timeoutMs,
  };
}

/** Settles the items of a request, the last one first; each with a status and a text of its own. */
function settle({ request }: Together): void {
  for (const item of request.items.toReversed()) {
    for (const { operation, settle: settleEntry } of item.entries) {
      const status = 501 + (/"event":"(\w)"/.exec(operation.text)?.[1]?.charCodeAt(0) ?? 0);
      settleEntry({ status, text: operation.text, headers: {} });
    }
  }
}

/** Takes a call that can share a request. */
function deliver(call: ProxyCall): Promise<readonly JobResult[]> {
  return coalescer.deliver(call) ?? Promise.reject(new Error('cannot share a request'));
}

function textsOf(results: readonly JobResult[]): readonly (string | undefined)[] {
  return results.map(({ text }) => /"event":"(\w*)"/.exec(text)?.[1]);
}

describe('a coalescer', () => {
  it('gives a call that stays alone to its own delivery, when the window closes', async () => {
    const call = callOf(['a']);
    const answer = deliver(call);
    await clock.advance(lingerMs - 1);
    expect(alone).toEqual([]);
    await clock.advance(1);
    expect(alone).toEqual([call]);
    expect(await answer).toEqual([result('alone')]);
    expect(clock.sleeping).toBe(0);
  });

  it('takes no call with a job that is to be sent alone, or with an item that is likely to be refused', () => {
    const call = callOf(['a']);
    const [job] = jobs(1);
    const alone = { ...call, request: { ...call.request, metadata: [{ ...job, dontBatch: true }] } };
    expect(coalescer.deliver(alone)).toBeUndefined();
    expect(coalescer.deliver(callOf(['a', 'doubtful']))).toBeUndefined();
    expect(clock.sleeping).toBe(0);
  });

  it('takes no call that it cannot read', () => {
    expect(coalescer.deliver({ ...callOf(['a']), read: undefined })).toBeUndefined();
    expect(clock.sleeping).toBe(0);
  });

  it('answers a call once all of its items are settled, whichever requests they went in, in their order', async () => {
    const answers = [deliver(callOf(['a', 'b', 'c'])), deliver(callOf(['d', 'e', 'f']))] as const;
    await settled();
    expect(together.map(({ request }) => request.items.length)).toEqual([4, 2]);
    const [first, second] = together;
    if (first !== undefined) settle(first);
    const answered: string[] = [];
    void answers[0].then(() => answered.push('first'));
    void answers[1].then(() => answered.push('second'));
    await settled();
    expect(answered).toEqual(['first']);
    if (second !== undefined) settle(second);
    expect((await Promise.all(answers)).map(textsOf)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
  });

  it('gives a request the time of the call that has the least', async () => {
    const answers = [deliver(callOf(['a'], 900)), deliver(callOf(['b'], 300))];
    const until = clock.now() + 300;
    await clock.advance(lingerMs);
    expect(together.map(({ deadline }) => deadline)).toEqual([until]);
    for (const one of together) settle(one);
    await Promise.all(answers);
  });

  it('opens another window when the first has closed, full or not', async () => {
    const answers = [deliver(callOf(['a', 'b'])), deliver(callOf(['c', 'd']))];
    await settled();
    expect(together).toHaveLength(1);
    answers.push(deliver(callOf(['e'])), deliver(callOf(['f'])));
    await settled();
    expect(together).toHaveLength(1);
    await clock.advance(lingerMs);
    expect(together).toHaveLength(2);
    for (const one of together) settle(one);
    expect((await Promise.all(answers)).map((results) => textsOf(results))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e'],
      ['f'],
    ]);
  });

  it('hangs nobody when a delivery fails for a fault of the code', async () => {
    const answers = [deliver(callOf(['a'])), deliver(callOf(['b']))];
    await clock.advance(lingerMs);
    together[0]?.fail(new Error('a fault'));
    const ends = await Promise.allSettled(answers);
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
