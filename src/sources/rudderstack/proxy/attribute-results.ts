import { readJobsPerItem } from '../jobs-per-item.js';
import { isRefusal, worstOf, type JobResult } from './job-result.js';
import type { ProxyCall } from './proxy-call.js';
import type { ProxyRequest } from './read-proxy-request.js';

/** One result for every job of a request. */
export function forAll({ metadata }: ProxyRequest, result: JobResult): readonly JobResult[] {
  return metadata.length === 0 ? [result] : metadata.map(() => result);
}

/**
 * The result of a request that was sent as a whole. One that was refused for some of its jobs is no answer to each of
 * them: they are sent again by themselves.
 */
export function attributeWhole({ request, read }: ProxyCall, whole: JobResult): readonly JobResult[] {
  const isForSome = request.metadata.length > 1 && read?.operations.length !== 0;
  return forAll(request, isRefusal(whole) && isForSome ? again(whole) : whole);
}

/**
 * The results of a request's jobs, of the results of its items. Where it is not known whose an item is, or one item
 * stands for several jobs and was refused, the jobs are sent again by themselves: then each has its own answer. What was
 * delivered already is only written again.
 */
export function attribute({ request }: ProxyCall, results: readonly JobResult[]): readonly JobResult[] {
  const { metadata, jobsPerItem } = request;
  const worst = worstOf(results);
  // A request of one job, or of nobody's.
  if (metadata.length < 2) return forAll(request, worst);
  const owners = readJobsPerItem(jobsPerItem, results.length, metadata.length);
  if (owners === undefined) return forAll(request, worst.status === 200 || !isRefusal(worst) ? worst : again(worst));
  const perJob: JobResult[] = [];
  owners.forEach((jobs, index) => {
    const result = results[index] ?? worst;
    const own = jobs.length > 1 && isRefusal(result) ? again(result) : result;
    for (const job of jobs) perJob[job] = own;
  });
  return perJob;
}

function again({ text, status }: JobResult): JobResult {
  return { status: 500, text: `one of several was refused with ${status}: ${text}`, headers: {}, dontBatch: true };
}
