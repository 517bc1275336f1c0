import type { RequestRules } from '../../core/batching/request-rules.js';
import type { TransformResult } from '../../core/transform-result.js';
import { deliveryRequestText, requestHead, userIdOf } from './delivery-request.js';
import { errorText, filteredText, statTagsText, statusOf, tagsOf } from './failure.js';
import type { RudderEvent } from './rudder-event.js';
import { transformEvent, typeOf } from './transform-event.js';
import type { Tally } from './tally.js';

/** What the transforms need beside the events. */
export interface TransformEnvironment {
  readonly rules: RequestRules;
  /** Told about faults of this service that an event met. */
  readonly onFault: (error: unknown) => void;
}

/**
 * The answer to `POST /v0/destinations/:name`: a JSON array with one entry per event in their order, or one per
 * operation where an event became several. An event that is rejected has its `error` there, one that is filtered out
 * the status 298.
 */
export function transformForProcessor(
  events: Iterable<RudderEvent>,
  environment: TransformEnvironment,
  tally: Tally,
): string {
  const entries: string[] = [];
  for (const event of events) entries.push(processEvent(event, environment, tally));
  return `[${entries.join(',')}]`;
}

/** The entries of one event, joined by commas. */
export function processEvent(event: RudderEvent, { rules, onFault }: TransformEnvironment, tally: Tally): string {
  const result = transformEvent(event, onFault);
  const isMapped = result.outcome === 'mapped';
  const tags = result.outcome === 'rejected' ? tagsOf(result.reason) : undefined;
  tally.count(typeOf(event.message), result, event.ids, tags, isMapped ? result.operations.length : 1);
  return isMapped ? outputs(event, result, rules) : failure(event, result, tally.destType);
}

/**
 * The beginning of an entry, up to the first member of the request's body or a place in it.
 *
 * @param bodyHead the beginning of the body as JSON text.
 */
export function entryHead(url: string, bodyHead: string): string {
  return `{"output":${requestHead(url)}${bodyHead}`;
}

function outputs(
  event: RudderEvent,
  { operations }: Extract<TransformResult, { outcome: 'mapped' }>,
  rules: RequestRules,
): string {
  const { destination, metadataText, message } = event;
  const metadata = metadataText === undefined ? '' : `,"metadata":${metadataText}`;
  const userId = userIdOf(message);
  let text = '';
  for (const operation of operations) {
    const url = `${destination?.baseUrl ?? ''}${rules[operation.kind]?.path ?? ''}`;
    const request = deliveryRequestText(url, destination?.singleBody(operation) ?? '{}', userId);
    text += `${text === '' ? '' : ','}{"output":${request}${metadata},"statusCode":200}`;
  }
  return text;
}

function failure(
  { metadataText, ids }: RudderEvent,
  result: Exclude<TransformResult, { outcome: 'mapped' }>,
  destType: string,
): string {
  const metadata = metadataText === undefined ? '' : `"metadata":${metadataText},`;
  if (result.outcome === 'dropped') {
    return `{${metadata}"statusCode":298,"error":${JSON.stringify(filteredText(result.reason))}}`;
  }
  const { reason, detail } = result;
  const statTags = statTagsText(tagsOf(reason), 'processor', destType, ids);
  return `{${metadata}"statusCode":${statusOf(reason)},"error":${JSON.stringify(errorText(reason, detail))},"statTags":${statTags}}`;
}
