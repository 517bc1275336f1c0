import { describe, expect, it } from '@jest/globals';

import fc from 'fast-check';

import { attribute } from '../../../../src/sources/rudderstack/proxy/attribute-results.js';
import type { JobResult } from '../../../../src/sources/rudderstack/proxy/job-result.js';
import type { ProxyCall } from '../../../../src/sources/rudderstack/proxy/proxy-call.js';
import { jobs } from '../../../support/proxy.js';

function result(status: number, text = `words ${status}`): JobResult {
  return { status, text, headers: {} };
}

const unsettled: JobResult = { ...result(500, 'not tried'), dontBatch: true };
const alone = expect.objectContaining({ status: 500, dontBatch: true });

function callFor(jobCount: number, jobsPerItem?: string): ProxyCall {
  const url = new URL('https://heapanalytics.com/api/track');
  return {
    request: { url, headers: {}, body: {}, metadata: jobs(jobCount), jobsPerItem },
    read: undefined,
    deadline: 0,
  };
}

describe('the results of jobs', () => {
  it('are those of their items, one by one', () => {
    const items = [result(200), result(400), result(503)];
    expect(attribute(callFor(3), items)).toEqual(items);
    expect(attribute(callFor(3, '1,1,1'), items)).toEqual(items);
  });

  it('are those of the item that stands for them, unless it was refused', () => {
    const items = [result(200), result(400), result(503)];
    expect(attribute(callFor(6, '2,2,2'), items)).toEqual([items[0], items[0], alone, alone, items[2], items[2]]);
    expect(attribute(callFor(6, '2,2,2'), items)[2]?.text).toContain('words 400');
  });

  it('are that all are sent again alone where it is not known whose the refused item is', () => {
    expect(attribute(callFor(4), [result(200), result(400)])).toEqual([alone, alone, alone, alone]);
    expect(attribute(callFor(3), [result(400)])).toEqual([alone, alone, alone]);
  });

  it('are one for all where all items ended alike and well, or are to be tried again', () => {
    for (const status of [200, 429, 503]) {
      expect(attribute(callFor(5), [result(status), result(status)])).toEqual(Array(5).fill(result(status)));
    }
  });

  it('keep what is to be sent alone apart from what is to be sent again like that', () => {
    const late = result(500, '[ETIMEDOUT] :: too late');
    expect(attribute(callFor(3), [late, unsettled, unsettled])).toEqual([late, unsettled, unsettled]);
  });

  it('are the destination’s words for each job, also where the statuses are the same', () => {
    const items = [result(503, 'first'), result(503, 'second')];
    expect(attribute(callFor(2), items)).toEqual(items);
  });

  it('are that of the request where there is one job, or none that is named', () => {
    expect(attribute(callFor(1), [result(400, 'first'), result(400, 'second')])).toMatchObject([{ status: 400 }]);
    expect(attribute(callFor(0), [result(400)])).toMatchObject([{ status: 400 }]);
  });

  it('are one for each job whatever the items and the header, and none is done whose item is not', () => {
    const statuses = fc.array(fc.constantFrom(200, 400, 413, 429, 500), { minLength: 1, maxLength: 6 });
    const header = fc.option(
      fc.array(fc.nat(3), { maxLength: 6 }).map((counts) => counts.join(',')),
      { nil: undefined },
    );
    fc.assert(
      fc.property(statuses, fc.integer({ min: 1, max: 8 }), header, (items, jobCount, jobsPerItem) => {
        const results = attribute(
          callFor(jobCount, jobsPerItem),
          items.map((status) => result(status)),
        );
        expect(results).toHaveLength(jobCount);
        expect(Object.keys(results)).toHaveLength(jobCount);
        if (!items.includes(200)) expect(results.map(({ status }) => status)).not.toContain(200);
        if (items.every((status) => status === 200)) expect(results).toEqual(Array(jobCount).fill(result(200)));
        for (const { status, dontBatch } of results) if (dontBatch === true) expect(status).toBe(500);
      }),
      { numRuns: 500 },
    );
  });
});
