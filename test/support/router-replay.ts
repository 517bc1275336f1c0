import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../src/core/json/json.js';

/** A job of a router's request, with what it becomes when it is sent alone. */
export interface RouterJob {
  readonly jobId: number;
  /** `metadata.userId`: whose jobs rudder-server keeps in order. */
  readonly userId: string;
  /** Empty where the job fails or is filtered. */
  readonly writes: readonly Write[];
}

/** One write to Heap. */
export interface Write {
  /** Where it is written: region and app_id. */
  readonly lane: string;
  readonly path: string;
  /** Writes with the same key overwrite each other; `undefined` for tracks. */
  readonly key: string | undefined;
  readonly item: JsonObject;
}

/** An item of a request as it is delivered: when, and for which jobs. */
export interface Delivery {
  readonly write: Write;
  readonly jobIds: readonly number[];
  /** Entries are delivered one after the other, and so, for whoever counts, are the items of each. */
  readonly time: number;
  /** The time of the first item of its request. */
  readonly requestTime: number;
}

/** An order that has to be kept. */
export interface Order {
  /** What a job has in common with those that it keeps the order with. */
  readonly commonOf: (job: RouterJob) => readonly string[];
  readonly timeOf: (delivery: Delivery) => number;
}

/**
 * The deliveries that an answer asks for, in their order: rudder-server sends the entries sorted by the smallest job id in
 * each.
 */
export function deliveriesOf(entries: readonly JsonObject[]): readonly Delivery[] {
  const deliveries: Delivery[] = [];
  for (const entry of [...entries].sort((a, b) => firstJobOf(a) - firstJobOf(b))) {
    if (entry.batchedRequest === undefined) continue;
    const jobIds = jobIdsOf(entry);
    for (const request of requestsOf(entry)) {
      const { lane, path, items } = itemsOf(request);
      const counts = entry.batched === true ? countsOf(request, items.length) : items.map(() => jobIds.length);
      const requestTime = deliveries.length;
      let next = 0;
      for (const [index, item] of items.entries()) {
        const own = jobIds.slice(next, next + (counts[index] ?? 0));
        next += own.length;
        deliveries.push({
          write: { lane, path, key: keyOf(path, item), item },
          jobIds: own,
          time: deliveries.length,
          requestTime,
        });
      }
      if (next !== jobIds.length) throw new Error('the items of a request do not add up to its jobs');
    }
  }
  return deliveries;
}

export function jobIdsOf({ metadata }: JsonObject): readonly number[] {
  return (isJsonArray(metadata) ? metadata : []).map((one) => Number(objectOf(one).jobId));
}

/** The smallest job id of an entry. */
export function firstJobOf(entry: JsonObject): number {
  return Math.min(...jobIdsOf(entry));
}

/** The requests of an entry. */
export function requestsOf({ batchedRequest = [] }: JsonObject): readonly JsonObject[] {
  return (isJsonArray(batchedRequest) ? batchedRequest : [batchedRequest]).map(objectOf);
}

/** The body of a request. */
export function bodyOfRequest(request: JsonObject): JsonObject {
  return objectOf(objectOf(request.body).JSON);
}

/** Where an order is broken: of two jobs with something in common the later one is delivered before the earlier one. */
export function brokenOrders(
  jobs: readonly RouterJob[],
  deliveries: readonly Delivery[],
  { commonOf, timeOf }: Order,
): readonly string[] {
  const broken: string[] = [];
  const latest = new Map<string, { readonly jobId: number; readonly time: number }>();
  for (const job of jobs) {
    const times = deliveries.filter(({ jobIds }) => jobIds.includes(job.jobId)).map(timeOf);
    if (times.length === 0) continue;
    for (const common of new Set(commonOf(job))) {
      const before = latest.get(common);
      if (before !== undefined && Math.min(...times) < before.time) {
        broken.push(`${common}: job ${job.jobId} before job ${before.jobId}`);
      }
      latest.set(common, { jobId: job.jobId, time: Math.max(before?.time ?? 0, ...times) });
    }
  }
  return broken;
}

/**
 * The jobs of one user at one place, one after the other. Property writes in one request are written together: those of
 * one identity are one item, and those of several have nothing to do with each other.
 */
export const byUser: Order = {
  commonOf: ({ userId, writes: [first] }) =>
    first === undefined || userId === '' ? [] : [`user ${userId} at ${first.lane}`],
  timeOf: ({ write, time, requestTime }) => (write.key === undefined ? time : requestTime),
};

/** The writes that overwrite each other. */
export const byKey: Order = {
  commonOf: ({ writes }) =>
    writes.flatMap(({ lane, path, key }) => (key === undefined ? [] : [`${path} of ${key} at ${lane}`])),
  timeOf: ({ time }) => time,
};

/** The merges of one visitor: of two, Heap keeps the first that arrives. */
export const byVisitor: Order = {
  commonOf: ({ writes }) =>
    writes.flatMap(({ lane, path, item }) =>
      path.endsWith('/identify') ? [`visitor ${JSON.stringify(item.user_id)} at ${lane}`] : [],
    ),
  timeOf: ({ time }) => time,
};

/** The item that has the effect of these writes, one after the other. */
export function mergedItem(writes: readonly Write[]): JsonObject {
  const properties = Object.assign({}, ...writes.map(({ item }) => item.properties ?? {})) as JsonObject;
  const last = writes.at(-1)?.item ?? {};
  return 'properties' in last ? { ...last, properties } : last;
}

function itemsOf(request: JsonObject): {
  readonly lane: string;
  readonly path: string;
  readonly items: readonly JsonObject[];
} {
  const { app_id: app, ...item } = bodyOfRequest(request);
  const { origin, pathname: path } = new URL(typeof request.endpoint === 'string' ? request.endpoint : '');
  const list = [item.users, item.accounts, item.events].find(isJsonArray);
  return {
    lane: `${origin} ${typeof app === 'string' || typeof app === 'number' ? app : JSON.stringify(app)}`,
    path,
    items: list === undefined ? [item] : list.map(objectOf),
  };
}

function countsOf(request: JsonObject, items: number): readonly number[] {
  const header = objectOf(request.headers)['X-Jobs-Per-Item'];
  return typeof header === 'string' ? header.split(',').map(Number) : Array.from({ length: items }, () => 1);
}

function keyOf(path: string, item: JsonObject): string | undefined {
  if (path.endsWith('/track')) return undefined;
  return JSON.stringify(
    [item.user_id, item.identity, item.account_id].map((id) => (typeof id === 'number' ? String(id) : (id ?? null))),
  );
}

function objectOf(value: Json | undefined): JsonObject {
  if (!isJsonObject(value)) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value;
}
