import { readJobsPerItem } from '../jobs-per-item.js';
import { isRefusal, type JobResult } from './job-result.js';
import type { ProxyCall } from './proxy-call.js';
import type { ProxyRequest } from './read-proxy-request.js';

/** One result for every job of a request. */
export function forAll({ metadata }: ProxyRequest, result: JobResult): readonly JobResult[] {
  return metadata.length === 0 ? [result] : metadata.map(() => result);
}

/**
 * The results of a request's jobs, of the results of its items. Where it is not known whose an item is, or one item
 * stands for several jobs and was refused, the jobs are sent again by themselves: then each has its own answer. What was
 * delivered already is only written again.
 */
export function attribute({ request }: ProxyCall, results: readonly JobResult[]): readonly JobResult[] {
  const { metadata, jobsPerItem } = request;
  const [first] = results;
  if (first === undefined) return forAll(request, { status: 500, text: 'the request has no items', headers: {} });
  if (results.every(({ status }) => status === first.status) && (!isRefusal(first) || metadata.length < 2)) {
    return forAll(request, first);
  }
  const owners = readJobsPerItem(jobsPerItem, results.length, metadata.length);
  if (owners === undefined) return forAll(request, again(results.find(isRefusal) ?? first));
  const perJob: JobResult[] = [];
  owners.forEach((jobs, index) => {
    const result = results[index] ?? first;
    const own = jobs.length > 1 && isRefusal(result) ? again(result) : result;
    for (const job of jobs) perJob[job] = own;
  });
  return perJob;
}

function again({ text, status }: JobResult): JobResult {
  return { status: 500, text: `one of several was refused with ${status}: ${text}`, headers: {}, dontBatch: true };
}
