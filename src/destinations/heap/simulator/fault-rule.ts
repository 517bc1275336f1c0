import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Ajv, type ErrorObject } from 'ajv';
import { Problem } from './problem.js';

/** Which requests a fault applies to; every given condition must hold. */
export interface FaultMatch {
  readonly appId?: string;
  /** The exact path, or with a `*` at its end every path that starts so. */
  readonly path?: string;
  /** An event name or idempotency key that the request contains: one poisonous event. */
  readonly itemEvent?: string;
  /** 0 to 1, drawn from the simulator's seed; 1 when absent. */
  readonly probability?: number;
  /** Spares this many matching requests first. */
  readonly after?: number;
  /** Strikes at most so often. */
  readonly times?: number;
}

/**
 * What happens to a matching request: at most one of `status`, `hang`, `reset`, `truncate` and `slowBodyMs`, and
 * `latencyMs` beside it or alone. With `stored` the request takes effect before its answer goes wrong (not needed
 * for `slowBodyMs` and plain `latencyMs`, which never prevent it).
 */
export interface FaultAction {
  readonly status?: number;
  readonly body?: string;
  /** With `status`: seconds, or 'date' for an HTTP date five seconds ahead. */
  readonly retryAfter?: number | 'date';
  readonly headers?: Readonly<Record<string, string>>;
  /** Never answer. */
  readonly hang?: true;
  /** Reset the connection. */
  readonly reset?: true;
  /** Send this many bytes of the body under the full Content-Length, then drop the connection. */
  readonly truncate?: number;
  /** Dribble the answer's body over this long. */
  readonly slowBodyMs?: number;
  /** Fixed, or drawn between two bounds. */
  readonly latencyMs?: number | readonly [number, number];
  readonly stored?: boolean;
}

/** One fault. */
export interface FaultRule {
  readonly match?: FaultMatch;
  readonly action: FaultAction;
}

export type FaultKind = 'status' | 'hang' | 'reset' | 'truncate' | 'slowBody' | 'latency';

const milliseconds = { type: 'number', minimum: 0, maximum: 3_600_000 };
const count = { type: 'integer', minimum: 0 };

const ruleSchema = {
  type: 'object',
  required: ['action'],
  additionalProperties: false,
  properties: {
    match: {
      type: 'object',
      additionalProperties: false,
      properties: {
        appId: { type: 'string' },
        path: { type: 'string' },
        itemEvent: { type: 'string' },
        probability: { type: 'number', minimum: 0, maximum: 1 },
        after: count,
        times: count,
      },
    },
    action: {
      type: 'object',
      additionalProperties: false,
      properties: {
        status: { type: 'integer', minimum: 200, maximum: 599 },
        body: { type: 'string' },
        retryAfter: { type: ['number', 'string'], minimum: 0, pattern: '^date$' },
        headers: { type: 'object', additionalProperties: { type: 'string' } },
        hang: { const: true },
        reset: { const: true },
        truncate: count,
        slowBodyMs: milliseconds,
        latencyMs: {
          type: ['number', 'array'],
          minimum: 0,
          maximum: 3_600_000,
          minItems: 2,
          maxItems: 2,
          items: milliseconds,
        },
        stored: { type: 'boolean' },
      },
    },
  },
};

const isRule = new Ajv({ allowUnionTypes: true, strictTuples: false }).compile<FaultRule>(ruleSchema);
/** The shell sets these itself; a rule that set them could break the HTTP framing. */
const framingHeaders = new Set(['content-length', 'transfer-encoding', 'trailer']);

/** The terminal part of an action, or 'latency' when there is none. */
export function faultKind(action: FaultAction): FaultKind {
  if (action.status !== undefined) return 'status';
  if (action.hang) return 'hang';
  if (action.reset) return 'reset';
  if (action.truncate !== undefined) return 'truncate';
  return action.slowBodyMs === undefined ? 'latency' : 'slowBody';
}

/** Checks one rule or an array of them, as JSON.parse gave it. */
export function readFaultRules(value: unknown): readonly FaultRule[] | Problem {
  const rules: FaultRule[] = [];
  for (const [index, rule] of (Array.isArray(value) ? value : [value]).entries()) {
    const field = Array.isArray(value) ? `faults[${index}]` : 'fault';
    if (!isRule(rule)) return schemaProblem(field, isRule.errors?.[0]);
    const problem = actionProblem(rule.action);
    if (problem !== undefined) return new Problem(`${field}.action`, problem);
    rules.push(rule);
  }
  return rules;
}

function schemaProblem(field: string, error: ErrorObject | undefined): Problem {
  const path = (error?.instancePath ?? '').replaceAll('/', '.');
  const extra: unknown = error?.params.additionalProperty;
  const allowed = typeof extra === 'string' ? `: ${JSON.stringify(extra.slice(0, 60))}` : '';
  return new Problem(`${field}${path}`, `${error?.message ?? 'is not valid'}${allowed}`);
}

function actionProblem(action: FaultAction): string | undefined {
  const { status, hang, reset, truncate, slowBodyMs, latencyMs, body, retryAfter, headers, stored } = action;
  const terminals = [status, hang, reset, truncate, slowBodyMs].filter((part) => part !== undefined).length;
  if (terminals > 1) return 'can have only one of status, hang, reset, truncate and slowBodyMs';
  if (terminals === 0 && latencyMs === undefined) {
    return 'needs one of status, hang, reset, truncate, slowBodyMs and latencyMs';
  }
  if (status === undefined && [body, retryAfter, headers].some((part) => part !== undefined)) {
    return 'body, retryAfter and headers need a status';
  }
  if (stored !== undefined && ['slowBody', 'latency'].includes(faultKind(action))) {
    return 'stored needs one of status, hang, reset and truncate';
  }
  if (typeof latencyMs === 'object' && latencyMs[0] > latencyMs[1]) return 'latencyMs must be [min, max]';
  return headersProblem(headers ?? {});
}

function headersProblem(headers: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (framingHeaders.has(name.toLowerCase())) return `headers cannot set ${name.toLowerCase()}`;
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      return 'headers must be valid HTTP header names and values';
    }
  }
  return undefined;
}
