import type { TransformEvent } from '../../core/compiled-connection.js';
import type { CompiledDestination } from '../../core/compiled-destination.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { compileConnection } from './compile-connection.js';
import { defaultHeapSettings, type AnonymousPolicy, type HeapConnection, type Region } from './connection.js';
import { fitsBulk } from './fits-bulk.js';
import { nestedModes, rudderStackMapping } from './rudderstack-mapping.js';

const anonymousPolicies = ['identity', 'hash', 'heapUserId', 'reject'] as const;
const moreEventTypes = ['page', 'screen', 'group', 'alias'] as const;

/**
 * Reads a Heap destination's `Config`. Parity with rudder-transformer is the default; `anonymousIdentity`, `nestedMode`,
 * `idempotency`, `eventTypes` and `preset` ask for more.
 *
 * Fails open: a setting with a value that it does not have counts as absent, because events that are refused for a typing
 * error in a setting are lost, and parity is never worse than what ran before. The fault is told instead.
 */
export function compileRudderStackConfig(
  config: JsonObject,
  baseUrls: Readonly<Record<Region, string>>,
): CompiledDestination {
  const faults: string[] = [];
  const region: Region = config.dataResidency === 'eu' ? 'eu' : 'us';
  const appId = typeof config.appId === 'string' || typeof config.appId === 'number' ? String(config.appId).trim() : '';
  const isHeapPreset = choice(config, 'preset', ['rudderstack', 'heap'], 'rudderstack', faults) === 'heap';
  const defaultPolicy: AnonymousPolicy = isHeapPreset ? 'hash' : 'identity';
  const anonymousIdentity = choice(config, 'anonymousIdentity', anonymousPolicies, defaultPolicy, faults);
  const nestedMode = choice(config, 'nestedMode', nestedModes, isHeapPreset ? 'dot' : 'flattenJson', faults);
  const idempotency = choice(config, 'idempotency', ['property', 'messageId'], 'property', faults);
  const peerTypes = isHeapPreset ? [] : readEventTypes(config.eventTypes, faults);

  const heap = (): TransformEvent =>
    compile({
      id: 'rudderstack',
      appId,
      region,
      preset: 'heap',
      settings: {
        ...defaultHeapSettings,
        anonymousIdentity,
        nestedObjects: nestedMode === 'flattenJson' ? 'dot' : nestedMode,
      },
    });
  const mapping = isHeapPreset ? undefined : rudderStackMapping({ anonymousIdentity, nestedMode, idempotency });
  const transform = isHeapPreset ? heap() : peer();

  function peer(): TransformEvent {
    const settings = { ...defaultHeapSettings, anonymousIdentity };
    const own = compile({
      id: 'rudderstack',
      appId,
      region,
      preset: 'rudderstack',
      settings,
      ...(mapping === undefined ? {} : { mapping }),
    });
    if (peerTypes.length === 0) return own;
    const more = heap();
    return (message) => (isOneOf(peerTypes, message) ? more(message) : own(message));
  }

  const key = `${region}:${appId}`;
  const appIdMember = config.appId === undefined ? '' : `"app_id":${JSON.stringify(config.appId)}`;
  return {
    transform,
    lane: { key, region, appId },
    baseUrl: baseUrls[region],
    singleBody: ({ text }) => (appIdMember === '' ? text : `{${appIdMember},${text.slice(1)}`),
    // What the heap preset makes is within Heap's rules by construction.
    fitsBulk: isHeapPreset ? () => true : fitsBulk,
    copies: !isHeapPreset && peerTypes.length === 0 && mapping === undefined,
    isPeerMapping: !isHeapPreset && peerTypes.length === 0,
    faults,
  };
}

function compile(connection: HeapConnection): TransformEvent {
  const faults: string[] = [];
  const { transform } = compileConnection(connection, faults);
  // The mappings are ours: only a fault of this code gets here.
  if (faults.length > 0) throw new Error(faults.join('; '));
  return transform;
}

function isOneOf(types: readonly string[], message: Json): boolean {
  const type = isJsonObject(message) ? message.type : undefined;
  return typeof type === 'string' && types.includes(type.trim().toLowerCase());
}

function choice<const T extends string>(
  config: JsonObject,
  key: string,
  choices: readonly T[],
  fallback: T,
  faults: string[],
): T {
  const value = config[key];
  // The control plane's forms send "" for what nobody filled in.
  if (value === undefined || value === null || value === '') return fallback;
  const chosen = choices.find((candidate) => candidate === value);
  if (chosen === undefined) faults.push(`Config.${key} must be one of ${choices.join(', ')}; ${fallback} is used`);
  return chosen ?? fallback;
}

/** A list, or its texts joined by commas, as a form's single line gives them. */
function readEventTypes(value: Json | undefined, faults: string[]): readonly string[] {
  if (value === undefined || value === null || value === '') return [];
  const list = isJsonArray(value) ? value : typeof value === 'string' ? value.split(',') : [value];
  const types = list.map((type) => (typeof type === 'string' ? type.trim().toLowerCase() : undefined));
  const known: readonly (string | undefined)[] = [...moreEventTypes, 'track', 'identify', ''];
  if (types.some((type) => !known.includes(type))) {
    faults.push(`Config.eventTypes may list ${moreEventTypes.join(', ')}; what else it lists is ignored`);
  }
  return moreEventTypes.filter((type) => types.includes(type));
}
