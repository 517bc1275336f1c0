import type { BatchLimits } from '../../src/core/batching/plan-requests.js';
import type { Json, JsonObject } from '../../src/core/json/json.js';
import { heapBaseUrls } from '../../src/destinations/heap/endpoints.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { compileRudderStackConfig } from '../../src/destinations/heap/rudderstack-config.js';
import { Destinations } from '../../src/sources/rudderstack/destination.js';
import type { BatchOrigin } from '../../src/sources/rudderstack/peer-metrics.js';
import type { Tally } from '../../src/sources/rudderstack/tally.js';
import { Transforms, type TransformsOptions } from '../../src/sources/rudderstack/transforms.js';

export const appId = '9000000101';

/** Anything that answers the body of a processor's request: the answer parsed, `undefined` where it is refused. */
export type AnswerProcessor = (body: Buffer) => Json | undefined;

export interface TestTransforms {
  readonly processor: AnswerProcessor;
  readonly router: (body: Json) => Json;
  /** Faults of this service that events met. */
  readonly faults: readonly unknown[];
  /** What was said about settings. */
  readonly settingFaults: readonly string[];
  readonly tallies: readonly { readonly tally: Tally; readonly origin: BatchOrigin }[];
}

export interface TestTransformsOptions extends Partial<BatchLimits> {
  /** False: every body is parsed as a whole, none is scanned. */
  readonly isFast?: boolean;
}

/** Both transforms with the real Heap destination behind them. */
export function newTransforms({ isFast = true, ...limits }: TestTransformsOptions = {}): TestTransforms {
  const faults: unknown[] = [];
  const settingFaults: string[] = [];
  const tallies: { tally: Tally; origin: BatchOrigin }[] = [];
  const options: TransformsOptions = {
    destType: 'heap',
    destinations: new Destinations(
      (config) => compileRudderStackConfig(config, heapBaseUrls),
      (fault) => settingFaults.push(fault),
    ),
    rules: heapRequestRules,
    limits: { maxItems: 1_000, maxBytes: 4_194_304, ...limits },
    isFast,
    onFault: (error) => faults.push(error),
    onTransformed: (tally, origin) => tallies.push({ tally, origin }),
  };
  const transforms = new Transforms(options);
  return {
    processor: (body) => {
      const answer = transforms.processor(body);
      return answer.ok ? (JSON.parse(answer.body.toString('utf8')) as Json) : undefined;
    },
    router: (body) => JSON.parse(transforms.router(body)) as Json,
    faults,
    settingFaults,
    tallies,
  };
}

/** A destination as the control plane describes it. */
export function destinationOf(config: Json = { appId }, members: JsonObject = {}): JsonObject {
  return {
    ID: 'dest-1',
    Name: 'Heap',
    DestinationDefinition: { ID: 'def-1', Name: 'HEAP', DisplayName: 'Heap.io', Config: {} },
    Config: config,
    Enabled: true,
    WorkspaceID: 'ws-1',
    Transformations: [],
    IsProcessorEnabled: true,
    RevisionID: 'rev-1',
    hasDynamicConfig: false,
    ...members,
  };
}

/** What rudder-server knows of the job with this id. */
export function metadataOf(jobId: number, members: JsonObject = {}): JsonObject {
  return {
    jobId,
    messageId: `m-${jobId}`,
    sourceId: 'src-1',
    destinationId: 'dest-1',
    workspaceId: 'ws-1',
    ...members,
  };
}

/** A request for rudder-server to send, whole: what both transforms' answers are made of. */
export function deliveryRequest(endpoint: string, json: Json, userId: Json = '', headers: JsonObject = {}): JsonObject {
  return {
    version: '1',
    type: 'REST',
    method: 'POST',
    endpoint,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
    params: {},
    body: { JSON: json, JSON_ARRAY: {}, XML: {}, FORM: {} },
    files: {},
    userId,
  };
}

/** The `statTags` of an event that is itself at fault. */
export function statTagsOf(feature: 'processor' | 'router', members: JsonObject = {}): JsonObject {
  return {
    errorCategory: 'dataValidation',
    errorType: 'instrumentation',
    implementation: 'cdkV2',
    destType: 'HEAP',
    module: 'destination',
    feature,
    ...members,
  };
}

/**
 * A value as text that is equal for equal values, whatever the order of their members: what jest compares as equal need
 * not be, where a member is called `__proto__`.
 */
export function canonicalText(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  return JSON.stringify(value, (_key, member: Json) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    const entries = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}
