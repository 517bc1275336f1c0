import { inspectJson } from '../../core/json/inspect.js';
import {
  isEmptyJson,
  isJsonArray,
  isJsonObject,
  setOwn,
  type Json,
  type MutableJsonObject,
} from '../../core/json/json.js';

/** The parts of an event that a template may look into. */
export interface DynamicEvent {
  readonly message: Json | undefined;
  readonly metadata: Json | undefined;
  readonly destination: Json | undefined;
}

/** A template as RudderStack's control plane knows it: `{{ path || default }}`, and nothing around it. */
interface Template {
  readonly keys: readonly string[];
  readonly fallback: string;
}

/** Deeper parts of a `Config` are left as they are: the stack is finite. */
const maxDepth = 100;

/** What copying an event may cost of the stack. */
const cloneLimits = { maxKeys: Number.POSITIVE_INFINITY, maxDepth: 1_000 };

/** Metadata that is too deep to be copied keeps what its event is found again by. */
function withinStack(metadata: Json | undefined): Json | undefined {
  if (!isJsonObject(metadata) || inspectJson(metadata, cloneLimits).depth <= cloneLimits.maxDepth) return metadata;
  return Object.fromEntries(Object.entries(metadata).filter(([, member]) => typeof member !== 'object'));
}

/** Could there be a template anywhere in this `Config`? */
export function hasTemplates(config: Json | undefined, depth = 0): boolean {
  if (typeof config === 'string') return readTemplate(config) !== undefined;
  if (typeof config !== 'object' || config === null || depth > maxDepth) return false;
  return Object.values(config).some((member: Json) => hasTemplates(member, depth + 1));
}

/**
 * Evaluates the templates in `destination.Config` against the event. A value that is found takes the template's place
 * with its type, and its source is taken out of the event, unless it is empty; so a second template on the same path
 * falls back to its default. Nothing that was handed in is changed, and other events see nothing of it.
 *
 * A path is looked up with dotted members too (`properties["app.id"]`), and such a member is found and taken out like
 * any other.
 */
export function resolveDynamicConfig(event: DynamicEvent): DynamicEvent {
  // Deeper events are refused in what follows, with or without their templates.
  if (inspectJson(event.message ?? null, cloneLimits).depth > cloneLimits.maxDepth) return event;
  // Owned by this function from here on: templates take their sources out of it.
  const own = structuredClone({ ...event, metadata: withinStack(event.metadata) }) as unknown as MutableJsonObject;
  const destination = own.destination;
  if (!isJsonObject(destination)) return event;
  const config = evaluate(destination.Config ?? null, own, 0);
  return {
    message: own.message,
    metadata: own.metadata,
    destination: { ...destination, Config: config },
  };
}

function evaluate(value: Json, event: MutableJsonObject, depth: number): Json {
  if (typeof value === 'string') {
    const template = readTemplate(value);
    return template === undefined ? value : (take(event, template.keys) ?? template.fallback);
  }
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value;
  if (isJsonArray(value)) return value.map((element) => evaluate(element, event, depth + 1));
  const evaluated: MutableJsonObject = {};
  for (const [key, member] of Object.entries(value)) setOwn(evaluated, key, evaluate(member, event, depth + 1));
  return evaluated;
}

const pathPattern = /^[A-Z_a-z]\w*(?:\.[A-Z_a-z]\w*)*$/;

function readTemplate(text: string): Template | undefined {
  if (!text.includes('{{')) return undefined;
  const trimmed = text.trim();
  if (!trimmed.startsWith('{{') || !trimmed.endsWith('}}')) return undefined;
  const inner = trimmed.slice(2, -2);
  const bar = inner.indexOf('||');
  if (bar < 0) return undefined;
  const path = inner.slice(0, bar).trim();
  if (!pathPattern.test(path)) return undefined;
  const rooted = path.startsWith('event.') ? `message.${path.slice('event.'.length)}` : path;
  return {
    keys: rooted.split('.'),
    fallback: inner
      .slice(bar + 2)
      .replaceAll('"', '')
      .trim(),
  };
}

/** The value at the path, taken out of the event unless it is empty; `undefined` for none and for null. */
function take(event: MutableJsonObject, keys: readonly string[]): Json | undefined {
  const found = locate(event, keys);
  if (found === undefined) return undefined;
  const value = found.holder[found.key];
  if (value === undefined || value === null) return undefined;
  // Numbers and booleans are never empty, zero and false included.
  if (!isEmptyJson(value)) Reflect.deleteProperty(found.holder, found.key);
  return value;
}

interface Place {
  readonly holder: MutableJsonObject;
  readonly key: string;
}

/** Where the path leads: member by member, and where there is none of a name, by the names joined with dots. */
function locate(holder: MutableJsonObject, keys: readonly string[]): Place | undefined {
  let key = '';
  for (const [index, step] of keys.entries()) {
    key = index === 0 ? step : `${key}.${step}`;
    if (!Object.hasOwn(holder, key)) continue;
    const rest = keys.slice(index + 1);
    if (rest.length === 0) return { holder, key };
    const member = holder[key];
    return typeof member === 'object' && member !== null ? locate(member as MutableJsonObject, rest) : undefined;
  }
  return undefined;
}
