import { heapBaseUrls } from '../destinations/heap/endpoints.js';
import type { Environment } from './read-config.js';
import { defaultTransformerConfig, type TransformerConfig } from './transformer-config.js';

export type TransformerConfigResult =
  | { readonly ok: true; readonly config: TransformerConfig }
  | { readonly ok: false; readonly faults: readonly string[] };

/** The whole configuration of the RudderStack transformer from the environment; all faults at once. */
export function readTransformerConfig(environment: Environment): TransformerConfigResult {
  const faults: string[] = [];
  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim();
    return value === '' ? undefined : value;
  };
  const number = (name: string, fallback: number, min: number, max: number): number => {
    const given = text(name);
    if (given === undefined) return fallback;
    const value = Number(given);
    if (/^\d{1,15}$/.test(given) && value >= min && value <= max) return value;
    faults.push(`${name} must be a whole number from ${min} to ${max}, not "${given}"`);
    return fallback;
  };
  const url = (name: string): string | undefined => {
    const given = text(name);
    if (given === undefined) return undefined;
    if (!isServerUrl(given)) faults.push(`${name} must be http(s)://host, with or without a port and a path`);
    return given.replace(/\/+$/, '');
  };
  const defaults = defaultTransformerConfig;
  const config: TransformerConfig = {
    ...defaults,
    port: number('PORT', defaults.port, 0, 65_535),
    operatorPort: number('METRICS_PORT', defaults.operatorPort, 0, 65_535),
    host: text('HOST') ?? defaults.host,
    heapUrls: {
      us: url('HEAP_API_URL_US') ?? heapBaseUrls.us,
      eu: url('HEAP_API_URL_EU') ?? heapBaseUrls.eu,
    },
    upstreamUrl: url('UPSTREAM_TRANSFORMER_URL'),
    coalesceMs: number('PROXY_COALESCE_MS', defaults.coalesceMs, 0, 10_000),
    allowedHosts: hosts('DELIVERY_ALLOWED_HOSTS', list(text('DELIVERY_ALLOWED_HOSTS')), faults),
    maxBodyBytes: number('MAX_BODY_BYTES', defaults.maxBodyBytes, 1_000, 500_000_000),
    requestTimeoutMs: number('REQUEST_TIMEOUT_MS', defaults.requestTimeoutMs, 1, 600_000),
    maxConcurrentRequests: number('MAX_CONCURRENT_REQUESTS', defaults.maxConcurrentRequests, 1, 100_000),
    maxBodyBytesInFlight: number('MAX_BODY_BYTES_IN_FLIGHT', defaults.maxBodyBytesInFlight, 1_000, 4_000_000_000),
    maxHeapUsedRatio: number('MAX_HEAP_USED_PERCENT', defaults.maxHeapUsedRatio * 100, 1, 100) / 100,
    proxyTimeoutMs: number('REQUEST_TIMEOUT_IN_MS', defaults.proxyTimeoutMs, 1, 600_000),
    maxSockets: number('MAX_SOCKETS', defaults.maxSockets, 1, 10_000),
    maxBatchItems: number('MAX_BATCH_ITEMS', defaults.maxBatchItems, 1, 1_000),
    maxBatchBytes: number('MAX_BATCH_BYTES', defaults.maxBatchBytes, 1_000, 100_000_000),
    deletionWaitMs: number('DELETION_WAIT_MS', defaults.deletionWaitMs, 0, 600_000),
    apiKeys: apiKeys(text('HEAP_API_KEYS'), faults),
    shutdownMs: number('SHUTDOWN_MS', defaults.shutdownMs, 0, 600_000),
    instanceName: text('INSTANCE_ID') ?? defaults.instanceName,
    buildVersion: text('transformer_build_version'),
    gitCommitSha: text('git_commit_sha'),
  };
  if (config.port === config.operatorPort && config.port !== 0) {
    faults.push(`PORT and METRICS_PORT must differ, not both be ${config.port}`);
  }
  if (config.maxBodyBytesInFlight < config.maxBodyBytes) {
    faults.push('MAX_BODY_BYTES_IN_FLIGHT must be at least MAX_BODY_BYTES, or the longest bodies would never get in');
  }
  if (config.upstreamUrl !== undefined && isThisProcess(config.upstreamUrl, config.port)) {
    faults.push('UPSTREAM_TRANSFORMER_URL is this process; it must be another transformer');
  }
  return faults.length === 0 ? { ok: true, config: Object.freeze(config) } : { ok: false, faults };
}

/** Without credentials, a query or a fragment, none of which a base URL has a use for. */
function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

/** A transformer in front of itself would ask itself for ever. */
function isThisProcess(upstreamUrl: string, port: number): boolean {
  if (!URL.canParse(upstreamUrl)) return false;
  const { hostname, port: given, protocol } = new URL(upstreamUrl);
  const upstreamPort = Number(given === '' ? (protocol === 'https:' ? 443 : 80) : given);
  return ['localhost', '127.0.0.1', '0.0.0.0', '[::1]', '[::]'].includes(hostname) && upstreamPort === port;
}

function list(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Hosts as a URL has them: a URL in their place would never match one. */
function hosts(name: string, given: readonly string[], faults: string[]): readonly string[] {
  const isHost = (host: string): boolean => {
    if (!URL.canParse(`http://${host}/`)) return false;
    const url = new URL(`http://${host}/`);
    return url.username + url.password + url.search + url.hash === '' && url.pathname === '/' && !/[\s/]/.test(host);
  };
  for (const host of given) if (!isHost(host)) faults.push(`${name} lists host or host:port, not "${host}"`);
  return given;
}

/** `app_id:key,app_id:key`: secrets, so that no part of them is ever quoted. */
function apiKeys(text: string | undefined, faults: string[]): ReadonlyMap<string, string> {
  const entries = list(text).map((entry) => /^(\d{1,20}):(.+)$/.exec(entry));
  if (entries.includes(null)) faults.push('HEAP_API_KEYS must be a list of app_id:key, joined by commas');
  return new Map(entries.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])));
}
