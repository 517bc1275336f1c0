import { describe, expect, it } from '@jest/globals';

import type { Json } from '../../../../src/core/json/json.js';
import type { JobResult } from '../../../../src/sources/rudderstack/proxy/job-result.js';
import { answerV0, answerV1 } from '../../../../src/sources/rudderstack/proxy/proxy-answer.js';
import { job, jobs, type ProxyOutput } from '../../../support/proxy.js';

function result(status: number): JobResult {
  return { status, text: `words ${status}`, headers: {} };
}

function outputV1(metadata: readonly Json[], results: readonly JobResult[]): ProxyOutput {
  const { status, body } = answerV1(metadata, results, 'heap');
  expect(status).toBe(200);
  return (JSON.parse(body) as { readonly output: ProxyOutput }).output;
}

function outputV0(results: readonly JobResult[]): { readonly status: number; readonly output: ProxyOutput } {
  const { status, body } = answerV0([job(1)], results, 'heap');
  return { status, output: (JSON.parse(body) as { readonly output: ProxyOutput }).output };
}

describe('the answer of proxy v1', () => {
  it.each([
    [[200, 200], 200],
    [[200, 400], 400],
    [[404, 400], 404],
    [[200, 400, 503], 503],
    [[400, 429, 200], 429],
    [[400, 408], 408],
    [[302, 200], 302],
  ])('speaks in its head of the worst of its jobs: of %j it is %d', (statuses, worst) => {
    const output = outputV1(
      jobs(statuses.length),
      statuses.map((status) => result(status)),
    );
    expect(output.status).toBe(worst);
    expect(output.response?.map(({ statusCode }) => statusCode)).toEqual(statuses);
    expect(output.message).toBe(
      worst === 200
        ? '[Generic Response Handler] Request for destination: heap Processed Successfully'
        : `[Generic Response Handler] Request failed for destination heap with status: ${worst}`,
    );
    expect(output.statTags === undefined).toBe(worst === 200);
  });

  it('has an entry for a job without a result, which is sent again', () => {
    const output = outputV1(jobs(2), [result(200)]);
    expect(output.response?.map(({ statusCode, metadata }) => [statusCode, metadata])).toEqual([
      [200, job(1)],
      [500, job(2)],
    ]);
  });

  it('asks for a job to be sent alone in its metadata, where it has any', () => {
    const again: JobResult = { ...result(500), dontBatch: true };
    const output = outputV1([job(1), job(2), 7, null, ['list']], [again, result(500), again, again, again]);
    expect(output.response?.map(({ metadata }) => metadata)).toEqual([
      job(1, { dontBatch: true }),
      job(2),
      7,
      null,
      ['list'],
    ]);
  });

  it('has no entry where there was no metadata', () => {
    expect(outputV1([], [result(200)])).toMatchObject({ status: 200, response: [] });
  });
});

describe('the answer of proxy v0', () => {
  it.each([
    [200, 200],
    [300, 400],
    [304, 400],
    [399, 400],
    [400, 400],
    [404, 400],
    [405, 405],
    [408, 408],
    [413, 413],
    [429, 429],
    [500, 500],
    [599, 599],
    [100, 400],
  ])('to a delivery that ended with %d has the HTTP status %d', (status, httpStatus) => {
    const answer = outputV0([result(status)]);
    expect(answer.status).toBe(httpStatus);
    expect(answer.output).toMatchObject({
      status,
      destinationResponse: { response: `words ${status}`, status, headers: {} },
    });
  });

  it('to several results is the worst of them', () => {
    expect(outputV0([result(200), result(400), result(429)]).status).toBe(429);
    expect(outputV0([result(200), result(400)]).status).toBe(400);
  });
});

describe.each([
  [302, 'aborted'],
  [400, 'aborted'],
  [404, 'aborted'],
  [408, 'aborted'],
  [413, 'aborted'],
  [429, 'throttled'],
  [500, 'retryable'],
  [503, 'retryable'],
])('the tags of a delivery that ended with %d', (status, errorType) => {
  const common = {
    errorCategory: 'network',
    errorType,
    destType: 'HEAP',
    module: 'destination',
    implementation: 'native',
    feature: 'dataDelivery',
  };

  it(`say that it is ${errorType}, of whose destination`, () => {
    expect(outputV1(jobs(1), [result(status)]).statTags).toEqual({
      ...common,
      destinationId: 'd-1',
      workspaceId: 'w-1',
    });
    expect(outputV0([result(status)]).output.statTags).toEqual({
      ...common,
      destinationId: 'd-1',
      workspaceId: 'w-1',
    });
  });

  it('say that it cannot be determined whose, where nobody tells', () => {
    for (const metadata of [[], [null], ['text'], [{}], [{ destinationId: 5, workspaceId: null }]] as Json[][]) {
      expect(outputV1(metadata, [result(status)]).statTags).toEqual({
        ...common,
        destinationId: 'Non-determininable',
        workspaceId: 'Non-determininable',
      });
    }
  });
});
