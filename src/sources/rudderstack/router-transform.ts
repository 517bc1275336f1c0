import type { Operation } from '../../core/batching/operation.js';
import { planRequests, type BatchLimits, type PlannedRequest } from '../../core/batching/plan-requests.js';
import { isJsonObject } from '../../core/json/json.js';
import { reasons } from '../../core/reasons.js';
import type { TransformResult } from '../../core/transform-result.js';
import { deliveryRequestText, userIdOf } from './delivery-request.js';
import { errorText, filteredText, statTagsText, statusOf, tagsOf } from './failure.js';
import { jobsPerItemHeader } from './jobs-per-item.js';
import { planEntries, type Job } from './plan-entries.js';
import type { TransformEnvironment } from './processor-transform.js';
import type { RouterEvent } from './rudder-event.js';
import type { Tally } from './tally.js';
import { transformEvent, typeOf } from './transform-event.js';

export interface RouterEnvironment extends TransformEnvironment {
  readonly limits: BatchLimits;
}

/** What the peer answers to a request without events. */
export function invalidArrayText(destType: string): string {
  return `[{"metadata":[{"destType":${JSON.stringify(destType)}}],"batched":false,"statusCode":400,"error":"Invalid event array"}]`;
}

/**
 * The `output` of `POST /routerTransform` and the answer of `POST /batch`, as the text of a JSON array: one entry per
 * request that is to be sent, in the order in which rudder-server sends them, and one per event that failed.
 *
 * Every event is in exactly one entry. Bulk requests hold the events of one destination, app_id, region and kind of
 * write, within the limits. An event travels alone when it must not be batched (`metadata.dontBatch`), became several
 * writes, has no bulk form, or is doubtful; see {@link planEntries} for the order.
 */
export function transformForRouter(
  events: readonly RouterEvent[],
  environment: RouterEnvironment,
  tally: Tally,
): string {
  const failures: string[] = [];
  const jobs: Job[] = [];
  for (const event of events) {
    const result = transformForBulk(event, environment);
    const tags = result.outcome === 'rejected' ? tagsOf(result.reason) : undefined;
    tally.count(typeOf(event.message), result, event.ids, tags, 1);
    if (result.outcome === 'mapped') jobs.push(toJob(event, result.operations, environment));
    else failures.push(failureEntry(event, result, tally.destType));
  }
  const entries = planEntries(jobs, environment.rules, environment.limits).flatMap((entry) =>
    entry.isAlone ? entry.jobs.map((job) => aloneEntry(job, environment)) : bulkEntries(entry.jobs, environment),
  );
  const all = [...entries, ...failures];
  tally.output = all.length;
  return `[${all.join(',')}]`;
}

/** Without an app_id there is nothing that several events could be sent to together, nor one alone. */
function transformForBulk(event: RouterEvent, { onFault }: RouterEnvironment): TransformResult {
  const result = transformEvent(event, onFault);
  if (result.outcome !== 'mapped' || event.destination?.lane.appId !== '') return result;
  return { outcome: 'rejected', reason: 'app_id_missing', detail: reasons.app_id_missing.summary };
}

function toJob(event: RouterEvent, operations: readonly Operation[], { rules }: RouterEnvironment): Job {
  const [first] = operations;
  const hasBulk = first !== undefined && (rules[first.kind]?.maxItems ?? 1) > 1;
  const isNamed = isJsonObject(event.metadata);
  const mustBeAlone = isJsonObject(event.metadata) && event.metadata.dontBatch === true;
  const fits = event.destination?.fitsBulk ?? (() => false);
  const isAlone = !isNamed || mustBeAlone || operations.length > 1 || !hasBulk || !fits(first);
  return { event, operations, isAlone };
}

interface Entry {
  readonly operation: Operation;
  readonly event: RouterEvent;
}

/** One entry: the jobs are within the limits of one request. */
function bulkEntries(jobs: readonly Job[], { rules, limits }: RouterEnvironment): readonly string[] {
  const window = jobs.flatMap(({ event, operations }) => operations.map((operation): Entry => ({ operation, event })));
  return planRequests(window, rules, limits).requests.map((request) => bulkEntry(request));
}

function bulkEntry(request: PlannedRequest<Entry>): string {
  const jobs = request.items.flatMap(({ entries }) => entries.map(({ event }) => event));
  const [first] = jobs;
  const url = `${first?.destination?.baseUrl ?? ''}${request.path}`;
  const userId = jobs.length === 1 ? userIdOf(first?.message) : '';
  const headers = jobsPerItemHeader(request.items.map(({ entries }) => entries.length));
  return entryText(deliveryRequestText(url, request.body, userId, headers), jobs, true);
}

function aloneEntry({ event, operations }: Job, { rules }: RouterEnvironment): string {
  const userId = userIdOf(event.message);
  const requests = operations.map((operation) => {
    const url = `${event.destination?.baseUrl ?? ''}${rules[operation.kind]?.path ?? ''}`;
    return deliveryRequestText(url, event.destination?.singleBody(operation) ?? '{}', userId);
  });
  return entryText(requests.length === 1 ? requests.join('') : `[${requests.join(',')}]`, [event], false);
}

function entryText(requests: string, jobs: readonly RouterEvent[], isBatched: boolean): string {
  const metadata = jobs.map(({ metadataText }) => metadataText ?? '{}').join(',');
  return `{"batchedRequest":${requests},"metadata":[${metadata}],"batched":${isBatched},"statusCode":200${destinationMember(jobs[0])}}`;
}

function failureEntry(
  event: RouterEvent,
  result: Exclude<TransformResult, { outcome: 'mapped' }>,
  destType: string,
): string {
  const head = `{"metadata":[${event.metadataText ?? '{}'}],"batched":false,`;
  if (result.outcome === 'dropped') {
    return `${head}"statusCode":298,"error":${JSON.stringify(filteredText(result.reason))}${destinationMember(event)}}`;
  }
  const { reason, detail } = result;
  const error = JSON.stringify(errorText(reason, detail));
  const statTags = statTagsText(tagsOf(reason), 'router', destType, event.ids);
  return `${head}"statusCode":${statusOf(reason)},"error":${error},"statTags":${statTags}${destinationMember(event)}}`;
}

function destinationMember(event: RouterEvent | undefined): string {
  const text = event?.destinationText;
  return text === undefined ? '' : `,"destination":${text}`;
}
