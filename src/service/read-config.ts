import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import groupBy from 'lodash/groupBy.js';
import { LineCounter, parseDocument, type Document } from 'yaml';

import { explainSchemaErrors, formatPath, type SchemaFault } from '../core/config/schema-faults.js';
import { appIdPattern } from '../destinations/heap/connection.js';
import { heapBaseUrls } from '../destinations/heap/endpoints.js';
import { readConnection } from '../destinations/heap/read-connection.js';
import { readWebhookSetting } from '../sources/webhook/read-webhook-setting.js';
import { completeStore, durableBacklog, type StoreSettings } from './store-config.js';
import { storePlace } from './store-place.js';
import { deliveryFaults } from './delivery-faults.js';
import { completeDelivery, type DeliverySettings } from './delivery-config.js';
import {
  defaultBatchingConfig,
  defaultServerConfig,
  type BatchingConfig,
  type ConfiguredConnection,
  type ServerConfig,
  type ServiceConfig,
} from './service-config.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration, or one sentence for every fault in it. */
export type ConfigResult =
  { readonly ok: true; readonly config: ServiceConfig } | { readonly ok: false; readonly faults: readonly string[] };

interface ConfigFile {
  readonly connections: readonly { readonly writeKey: string }[];
  readonly server?: Partial<ServerConfig>;
  readonly batching?: Partial<BatchingConfig>;
  readonly delivery?: DeliverySettings;
  readonly store?: StoreSettings;
}

const schema = JSON.parse(readFileSync(new URL('./service-config.schema.json', import.meta.url), 'utf8')) as object;
const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true });
addFormats.default(ajv);
const validateFile = ajv.compile<ConfigFile>(schema);
const validateUrl = ajv.compile<string>({ type: 'string', format: 'uri', pattern: '^https?://' });

/**
 * Reads a YAML (or JSON) configuration file. `${NAME}` in its texts is filled from the environment, so that secrets
 * need not stand in it; PORT, METRICS_PORT, HEAP_API_URL_US and HEAP_API_URL_EU of the environment come before the
 * file's values. All faults are reported at once, each with file, line, path and what would be right.
 */
export function readConfigFile(path: string, environment: Environment): ConfigResult {
  const shown = relative('.', path) || path;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { ok: false, faults: [`${shown}: can not be read; does the file exist?`] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      ok: false,
      faults: document.errors.map((error) => `${shown}:${at(lines, error.pos[0])}: is no YAML: ${error.message}`),
    };
  }
  const faults: SchemaFault[] = [];
  const parsed = toValue(document);
  if (parsed === undefined) return { ok: false, faults: [`${shown}: has aliases that lead nowhere or to themselves`] };
  const value = fillPlaces(parsed.value, environment, [], faults);
  const config = assemble(value, dirname(path), environment, faults);
  if (config !== undefined && faults.length === 0) return { ok: true, config };
  const described = faults.map((fault) => ({ fault, place: placeOf(document, lines, fault.path) }));
  described.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.col ?? 0) - (b.place?.col ?? 0));
  return { ok: false, faults: described.map(({ fault, place }) => describeFault(shown, place, fault)) };
}

/**
 * The configuration of one connection from the environment alone: HEAP_APP_ID and WRITE_KEY, HEAP_REGION as you like.
 */
export function configFromEnvironment(environment: Environment): ConfigResult {
  const faults: string[] = [];
  const { HEAP_APP_ID: appId = '', WRITE_KEY: writeKey = '', HEAP_REGION: givenRegion = '' } = environment;
  const region = givenRegion === '' ? 'us' : givenRegion;
  if (!appIdPattern.test(appId)) faults.push('HEAP_APP_ID must be the digits of a Heap environment id');
  if (writeKey === '') faults.push('WRITE_KEY must be set: the key that your source authenticates with');
  if (region !== 'us' && region !== 'eu') faults.push(`HEAP_REGION must be us or eu, not "${region}"`);
  const found: SchemaFault[] = [];
  const value = { connections: [{ id: 'default', appId, writeKey, region }] };
  const config = faults.length === 0 ? assemble(value, '.', environment, found) : undefined;
  faults.push(...found.map((fault) => `${formatPath(fault.path)} ${fault.message}`));
  return config === undefined || faults.length > 0 ? { ok: false, faults } : { ok: true, config };
}

/** The configuration of a sandbox: one connection to whatever stands at `heapUrl`. */
export function sandboxConfig(heapUrl: string, environment: Environment): ConfigResult {
  const faults: SchemaFault[] = [];
  const value = { connections: [{ id: 'sandbox', appId: sandboxAppId, writeKey: sandboxWriteKey }] };
  const config = assemble(value, '.', environment, faults);
  if (config === undefined || faults.length > 0) return { ok: false, faults: faults.map(({ message }) => message) };
  return { ok: true, config: { ...config, heapUrls: { us: heapUrl, eu: heapUrl } } };
}

export const sandboxWriteKey = 'sandbox';
export const sandboxAppId = '1000000001';

function assemble(
  value: unknown,
  folder: string,
  environment: Environment,
  faults: SchemaFault[],
): ServiceConfig | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push({ path: [], message: 'the file must hold an object with "connections"' });
    return undefined;
  }
  const isValid = validateFile(value);
  if (!isValid) faults.push(...explainSchemaErrors(validateFile.errors));
  const connections = readConnections(value, folder, faults);
  const ports = {
    ...portFrom(environment, 'PORT', 'port', faults),
    ...portFrom(environment, 'METRICS_PORT', 'operatorPort', faults),
  };
  const heapUrls = {
    us: urlFrom(environment, 'HEAP_API_URL_US', heapBaseUrls.us, faults),
    eu: urlFrom(environment, 'HEAP_API_URL_EU', heapBaseUrls.eu, faults),
  };
  if (!isValid) return undefined;
  const { port, operatorPort } = { ...defaultServerConfig, ...value.server, ...ports };
  if (port === operatorPort && port !== 0) {
    faults.push({ path: ['server', 'operatorPort'], message: `must differ from the data port, ${port}` });
  }
  const { lingerMs } = { ...defaultBatchingConfig, ...value.batching };
  const { answerTimeoutMs } = { ...defaultServerConfig, ...value.server };
  if (lingerMs >= answerTimeoutMs) {
    const message = `must be less than server.answerTimeoutMs (${answerTimeoutMs}), or every sender is told to come back`;
    faults.push({ path: ['batching', 'lingerMs'], message });
  }
  const place = storePlace(value.store ?? {}, folder, environment, faults);
  const delivery = completeDelivery({ ...(place.type === 'none' ? {} : durableBacklog), ...value.delivery });
  faults.push(...deliveryFaults(delivery));
  const store = completeStore(place, value.store);
  if (place.type === 'postgres' && store.postgres.leaseMs < 2 * delivery.requestTimeoutMs) {
    const message = `must be at least twice delivery.requestTimeoutMs (${delivery.requestTimeoutMs}): a request that hangs may not outlive the lease`;
    faults.push({ path: ['store', 'postgres', 'leaseMs'], message });
  }
  return Object.freeze({
    connections,
    heapUrls: Object.freeze(heapUrls),
    server: Object.freeze({ ...defaultServerConfig, ...value.server, ...ports }),
    batching: Object.freeze({ ...defaultBatchingConfig, ...value.batching }),
    delivery,
    store,
  });
}

function readConnections(value: unknown, folder: string, faults: SchemaFault[]): readonly ConfiguredConnection[] {
  const list = (value as Partial<ConfigFile> | null)?.connections;
  if (!Array.isArray(list)) return [];
  const entries = list as readonly unknown[];
  const read = entries.map((entry, index) => {
    // What is no object at all, the schema of the file has reported.
    if (typeof entry !== 'object' || entry === null) return { index, connection: undefined };
    const own: SchemaFault[] = [];
    const connection = readConnection(entry, folder, own);
    const { id, writeKey, webhook } = entry as {
      readonly id?: unknown;
      readonly writeKey?: unknown;
      readonly webhook?: unknown;
    };
    const ofWebhook: SchemaFault[] = [];
    const setting = webhook === undefined ? undefined : readWebhookSetting(webhook, ofWebhook);
    own.push(...ofWebhook.map((fault) => ({ ...fault, path: ['webhook', ...fault.path] })));
    for (const fault of own) faults.push({ ...fault, path: ['connections', index, ...fault.path] });
    return { index, connection, id: textOf(id), writeKey: textOf(writeKey), webhook: setting };
  });
  for (const field of ['id', 'writeKey'] as const) {
    const groups = Object.values(
      groupBy(
        read.filter((entry) => entry[field] !== undefined),
        field,
      ),
    );
    for (const [first, ...repeats] of groups) {
      for (const repeat of repeats) {
        const message = `is the same as that of connections[${first?.index ?? 0}]; each connection needs its own`;
        faults.push({ path: ['connections', repeat.index, field], message });
      }
    }
  }
  return read.flatMap(({ connection, writeKey, webhook }) =>
    connection === undefined || writeKey === undefined
      ? []
      : [Object.freeze({ connection, writeKey, ...(webhook === undefined ? {} : { webhook }) })],
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function portFrom(
  environment: Environment,
  name: string,
  key: 'port' | 'operatorPort',
  faults: SchemaFault[],
): Partial<ServerConfig> {
  const text = environment[name];
  if (text === undefined || text === '') return {};
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return { [key]: port };
  faults.push({ path: [], message: `the environment's ${name} must be a port from 0 to 65535, not "${text}"` });
  return {};
}

function urlFrom(environment: Environment, name: string, fallback: string, faults: SchemaFault[]): string {
  const url = environment[name];
  if (url === undefined || url === '') return fallback;
  const isUrl: boolean = validateUrl(url) && URL.canParse(url);
  if (!isUrl) faults.push({ path: [], message: `the environment's ${name} must be an http(s) URL` });
  return url.replace(/\/+$/, '');
}

/** The document as plain values; `undefined` where its aliases can't be followed. */
function toValue(document: Document): { readonly value: unknown } | undefined {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    // An alias inside what it stands for has no JSON.
    JSON.stringify(value);
    return { value };
  } catch {
    return undefined;
  }
}

/** Fills `${NAME}` in every text of the file. */
function fillPlaces(
  value: unknown,
  environment: Environment,
  path: readonly (string | number)[],
  faults: SchemaFault[],
): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\{([A-Z][A-Z0-9_]*)\}/g, (place, name: string) => {
      const filled = environment[name];
      if (filled === undefined || filled === '') {
        faults.push({ path, message: `names ${place}, which the environment does not have` });
        return place;
      }
      return filled;
    });
  }
  if (Array.isArray(value)) return value.map((item, index) => fillPlaces(item, environment, [...path, index], faults));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, fillPlaces(member, environment, [...path, key], faults)]),
  );
}

interface Place {
  readonly line: number;
  readonly col: number;
}

function describeFault(file: string, place: Place | undefined, fault: SchemaFault): string {
  const where = place === undefined ? file : `${file}:${place.line}:${place.col}`;
  return `${where}: ${[formatPath(fault.path), fault.message].join(' ').trim()}`;
}

/** Line and column of a value, or of the nearest one around it that the file has. */
function placeOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): Place | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
    if (node?.range?.[0] !== undefined) return lines.linePos(node.range[0]);
  }
  return undefined;
}

function at(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${line}:${col}`;
}
