import type { TransformEvent } from '../../core/compiled-connection.js';
import { planRequests, type BatchLimits, type PlannedRequest } from '../../core/batching/plan-requests.js';
import type { Operation } from '../../core/batching/operation.js';
import type { Json } from '../../core/json/json.js';
import type { SchemaFault } from '../../core/config/schema-faults.js';
import { countMembers, findDuplicateKeys } from '../../core/json/duplicate-keys.js';
import { inspectJson } from '../../core/json/inspect.js';
import type { TransformResult } from '../../core/transform-result.js';
import { compileConnection } from '../../destinations/heap/compile-connection.js';
import type { HeapConnection, PresetName, Region } from '../../destinations/heap/connection.js';
import { heapBaseUrls } from '../../destinations/heap/endpoints.js';
import { readConnection } from '../../destinations/heap/read-connection.js';
import { heapRequestRules } from '../../destinations/heap/request-rules.js';
import { readConfigFile, sandboxAppId } from '../../service/read-config.js';
import {
  defaultBatchingConfig,
  defaultServerConfig,
  type BatchingConfig,
  type ServiceConfig,
} from '../../service/service-config.js';
import { exitCodes } from '../exit-codes.js';
import { unlessEmpty } from '../environment.js';
import { lineWriter, tell, type LineWriter } from '../output.js';
import { readLines } from '../read-lines.js';

export interface TransformOptions {
  readonly config?: string;
  readonly connection?: string;
  readonly preset?: PresetName;
  readonly perEvent?: boolean;
}

/** Turns the events of standard input into requests or operations on standard output. */
export async function transform(options: TransformOptions): Promise<void> {
  const chosen = chooseConnection(options);
  const faults: string[] = [];
  const mapEvent = chosen === undefined ? undefined : compileConnection(chosen.connection, faults).transform;
  for (const fault of faults) tell(`mapping ${fault}`);
  if (chosen === undefined || mapEvent === undefined || faults.length > 0) {
    process.exitCode = exitCodes.usage;
    return;
  }
  const writer = lineWriter(process.stdout);
  const rejected =
    options.perEvent === true ? await writePerEvent(mapEvent, writer) : await writeRequests(mapEvent, chosen, writer);
  await writer.end();
  if (rejected.size > 0) {
    const reasonCounts = [...rejected].map(([reason, count]) => `${reason} ${count}`);
    tell(`rejected: ${reasonCounts.join(', ')}${options.perEvent === true ? '' : ' (--per-event shows which)'}`);
    process.exitCode = exitCodes.rejected;
  }
}

/** The connection to use, how its requests are batched and where they would go. */
interface Chosen {
  readonly connection: HeapConnection;
  readonly batching: BatchingConfig;
  readonly heapUrls: ServiceConfig['heapUrls'];
}

function chooseConnection({ config, connection: id, preset }: TransformOptions): Chosen | undefined {
  if (config === undefined) {
    const faults: SchemaFault[] = [];
    const appId = unlessEmpty(process.env.HEAP_APP_ID) ?? sandboxAppId;
    const settings = {
      appId,
      region: unlessEmpty(process.env.HEAP_REGION) ?? 'us',
      ...(preset === undefined ? {} : { preset }),
    };
    const connection = readConnection(settings, '.', faults);
    for (const fault of faults) tell(`${fault.path.join('.')} ${fault.message}`);
    return connection && { connection, batching: defaultBatchingConfig, heapUrls: heapBaseUrls };
  }
  const read = readConfigFile(config, process.env);
  if (!read.ok) {
    for (const fault of read.faults) tell(fault);
    return undefined;
  }
  const connections = read.config.connections.map((entry) => entry.connection);
  const found = id === undefined ? connections[0] : connections.find((connection) => connection.id === id);
  if (found === undefined) {
    tell(
      `${config} has no connection "${id ?? ''}"; it has ${connections.map((connection) => connection.id).join(', ')}`,
    );
    return undefined;
  }
  const { batching, heapUrls } = read.config;
  return { connection: found, batching, heapUrls };
}

const { maxEventLength } = defaultServerConfig;

type Rejections = Map<string, number>;

interface Line {
  readonly number: number;
  readonly messageId: Json | undefined;
  readonly result:
    TransformResult | { readonly outcome: 'rejected'; readonly reason: 'json_malformed'; readonly detail: string };
}

async function* mappedLines(mapEvent: TransformEvent): AsyncGenerator<Line> {
  let number = 0;
  for await (const line of readLines(process.stdin, maxEventLength)) {
    number += 1;
    if ('tooLong' in line) {
      const detail = `over ${maxEventLength} characters`;
      yield { number, messageId: undefined, result: { outcome: 'rejected', reason: 'event_too_large', detail } };
    } else if (line.text.trim() !== '') {
      yield mapLine(line.text, number, mapEvent);
    }
  }
}

function mapLine(text: string, number: number, mapEvent: TransformEvent): Line {
  let event: Json;
  try {
    event = JSON.parse(text) as Json;
  } catch {
    const detail = 'the line is not JSON';
    return { number, messageId: undefined, result: { outcome: 'rejected', reason: 'json_malformed', detail } };
  }
  const result = mapEvent(event);
  if (result.outcome === 'mapped' && hasDuplicateKey(text, event)) result.adjustments.note('duplicate_key');
  const messageId = typeof event === 'object' && event !== null && 'messageId' in event ? event.messageId : undefined;
  return { number, messageId, result };
}

function hasDuplicateKey(text: string, event: Json): boolean {
  const { keys } = inspectJson(event, { maxKeys: Infinity, maxDepth: 200 });
  return countMembers(text) !== keys && findDuplicateKeys(text).length > 0;
}

async function writePerEvent(mapEvent: TransformEvent, writer: LineWriter): Promise<Rejections> {
  const rejections: Rejections = new Map();
  for await (const { number, messageId, result } of mappedLines(mapEvent)) {
    count(result, rejections);
    const id = messageId === undefined ? {} : { messageId };
    const shown =
      result.outcome === 'mapped'
        ? {
            line: number,
            ...id,
            operations: result.operations.map(({ kind, text }) => ({ kind, item: JSON.parse(text) as Json })),
            ...(result.adjustments.isEmpty ? {} : { adjustments: result.adjustments.reasons() }),
          }
        : { line: number, ...id, ...result };
    if (!(await writer.write(JSON.stringify(shown)))) break;
  }
  return rejections;
}

/** Windows of a bounded number of operations and bytes, planned and written one after the other. */
async function writeRequests(
  mapEvent: TransformEvent,
  { batching, heapUrls }: Chosen,
  writer: LineWriter,
): Promise<Rejections> {
  const { maxItems, maxBytes } = batching;
  const rejections: Rejections = new Map();
  let window: { readonly operation: Operation }[] = [];
  let bytes = 0;
  for await (const { result } of mappedLines(mapEvent)) {
    count(result, rejections);
    if (result.outcome !== 'mapped') continue;
    for (const operation of result.operations) {
      window.push({ operation });
      bytes += operation.bytes;
    }
    if (window.length >= maxItems || bytes >= maxBytes) {
      if (!(await flush(window, batching, heapUrls, rejections, writer))) return rejections;
      window = [];
      bytes = 0;
    }
  }
  await flush(window, batching, heapUrls, rejections, writer);
  return rejections;
}

async function flush(
  window: readonly { readonly operation: Operation }[],
  limits: BatchLimits,
  heapUrls: ServiceConfig['heapUrls'],
  rejections: Rejections,
  writer: LineWriter,
): Promise<boolean> {
  const plan = planRequests(window, heapRequestRules, limits);
  if (plan.oversized.length > 0) {
    rejections.set('operation_too_large', (rejections.get('operation_too_large') ?? 0) + plan.oversized.length);
  }
  for (const request of plan.requests) if (!(await writer.write(requestLine(request, heapUrls)))) return false;
  return true;
}

function requestLine(request: PlannedRequest<unknown>, heapUrls: ServiceConfig['heapUrls']): string {
  const url = JSON.stringify(`${heapUrls[request.lane.region as Region]}${request.path}`);
  // The body is JSON text already.
  return `{"method":"POST","url":${url},"headers":{"Content-Type":"application/json"},"body":${request.body}}`;
}

function count(result: Line['result'], rejections: Rejections): void {
  if (result.outcome === 'rejected') rejections.set(result.reason, (rejections.get(result.reason) ?? 0) + 1);
}
