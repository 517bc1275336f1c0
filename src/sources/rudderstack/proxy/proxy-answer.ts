import { isJsonObject, type Json } from '../../../core/json/json.js';
import { echoText } from '../rudder-event.js';
import { missing, worstOf, type JobResult } from './job-result.js';

/** An HTTP answer to a proxy call; it carries `apiVersion: 2`. */
export interface ProxyAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * The answer of proxy v1: HTTP 200 with an entry per job. rudder-server reads the entries; `status` and `message` speak of
 * the worst of them.
 */
export function answerV1(metadata: readonly Json[], results: readonly JobResult[], destType: string): ProxyAnswer {
  const worst = worstOf(results);
  const entries = metadata.map((job, index) => {
    const result = results[index] ?? missing;
    const echoed = result.dontBatch === true && isJsonObject(job) ? { ...job, dontBatch: true } : job;
    return `{"statusCode":${result.status},"error":${JSON.stringify(bodyText(result.text))},"metadata":${echoText(echoed)}}`;
  });
  const head = headText(worst.status, metadata[0], destType);
  return { status: 200, body: `{"output":{${head},"response":[${entries.join(',')}]}}` };
}

/**
 * The answer of proxy v0: one job, and its status is the HTTP status. A 404 becomes 400, as rudder-server would take it
 * for a missing proxy; so do statuses that say nothing or lead elsewhere, whose body it would never see.
 */
export function answerV0(metadata: readonly Json[], results: readonly JobResult[], destType: string): ProxyAnswer {
  const worst = worstOf(results);
  const { status } = worst;
  const httpStatus = status === 404 || status < 200 || (status >= 300 && status < 400) ? 400 : status;
  const response = `{"response":${bodyText(worst.text)},"status":${status},"headers":${JSON.stringify(worst.headers)}}`;
  const head = headText(status, metadata[0], destType);
  return { status: httpStatus, body: `{"output":{${head},"destinationResponse":${response}}}` };
}

function headText(status: number, metadata: Json | undefined, destType: string): string {
  if (status === 200) {
    const message = `[Generic Response Handler] Request for destination: ${destType} Processed Successfully`;
    return `"status":200,"message":${JSON.stringify(message)}`;
  }
  const message = `[Generic Response Handler] Request failed for destination ${destType} with status: ${status}`;
  const statTags = {
    errorCategory: 'network',
    errorType: status >= 500 ? 'retryable' : status === 429 ? 'throttled' : 'aborted',
    destType: destType.toUpperCase(),
    module: 'destination',
    implementation: 'native',
    feature: 'dataDelivery',
    destinationId: idOf(metadata, 'destinationId'),
    workspaceId: idOf(metadata, 'workspaceId'),
  };
  return `"status":${status},"message":${JSON.stringify(message)},"statTags":${JSON.stringify(statTags)}`;
}

/** With the peer's own spelling, which is what dashboards group by. */
const unknownId = 'Non-determininable';

function idOf(metadata: Json | undefined, key: 'destinationId' | 'workspaceId'): string {
  const id = isJsonObject(metadata) ? metadata[key] : undefined;
  return typeof id === 'string' && id !== '' ? id : unknownId;
}

/** The destination's body as JSON text where it is JSON; falsy values are an empty text, as the peer has it. */
function bodyText(text: string): string {
  try {
    const value = JSON.parse(text) as Json;
    return JSON.stringify(value === null || value === false || value === 0 ? '' : value);
  } catch {
    // No JSON, or nested deeper than the stack.
    return JSON.stringify(text);
  }
}
