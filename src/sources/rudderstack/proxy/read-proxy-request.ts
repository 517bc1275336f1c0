import { inspectJson } from '../../../core/json/inspect.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../../core/json/json.js';
import { jobsPerItemName } from '../jobs-per-item.js';

/** A request that rudder-server wants delivered, with the jobs it stands for. */
export interface ProxyRequest {
  /** Where to, query included. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  /** Of each job, echoed with its result. */
  readonly metadata: readonly Json[];
  /** See {@link jobsPerItemName}. */
  readonly jobsPerItem: string | undefined;
}

export type ReadProxyRequest =
  | { readonly ok: true; readonly request: ProxyRequest }
  | { readonly ok: false; readonly message: string; readonly metadata: readonly Json[] };

/** Reads the body of a proxy call, v0 (`metadata` of one job) or v1 (a list). */
export function readProxyRequest(body: Json): ReadProxyRequest {
  const metadata = readMetadata(body);
  const refuse = (message: string): ReadProxyRequest => ({ ok: false, message, metadata });
  if (!isJsonObject(body)) return refuse('the body is no JSON object');
  const { endpoint, endpointPath: _label, method, headers, params } = body;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return refuse('"endpoint" is no URL');
  if (typeof method !== 'string' || method.toUpperCase() !== 'POST') return refuse('"method" is not POST');
  const payload = isJsonObject(body.body) ? body.body.JSON : undefined;
  if (!isJsonObject(payload) || Object.keys(payload).length === 0) return refuse('"body.JSON" holds nothing to send');
  if (inspectJson(payload, shapeLimits).depth > shapeLimits.maxDepth) return refuse('"body.JSON" is nested too deep');
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(isJsonObject(params) ? params : {})) {
    url.searchParams.append(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  const all = readHeaders(headers);
  const { [jobsPerItemName.toLowerCase()]: jobsPerItem, ...kept } = all;
  return { ok: true, request: { url, headers: kept, body: payload, metadata, jobsPerItem } };
}

/** Any number of members; the depth is what JSON.stringify manages. */
const shapeLimits = { maxKeys: Number.POSITIVE_INFINITY, maxDepth: 1_000 };

function readMetadata(body: Json): readonly Json[] {
  const metadata = isJsonObject(body) ? body.metadata : undefined;
  if (metadata === undefined || metadata === null) return [];
  return isJsonArray(metadata) ? metadata : [metadata];
}

/** They belong to the connection and its framing, which are the sender's. */
const framingHeaders = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function readHeaders(headers: Json | undefined): Readonly<Record<string, string>> {
  if (!isJsonObject(headers)) return {};
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    const isToken = /^[\w!#$%&'*+.^`|~-]+$/.test(key) && key !== '__proto__';
    if (!isToken || framingHeaders.has(key) || typeof value !== 'string') continue;
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) read[key] = value;
  }
  return read;
}
