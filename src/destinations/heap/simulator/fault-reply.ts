import { faultKind, type FaultAction } from './fault-rule.js';
import type { FaultDecision } from './faults.js';
import { jsonReply, retryAfterHeader, textReply, type SimulatedReply } from './simulated-reply.js';

/** How far ahead the HTTP date of `retryAfter: 'date'` is. */
export const faultRetryDateMs = 5000;

/**
 * The answer to a request that faults struck. `process` lets the request take effect and gives its true answer; it is
 * called when the fault leaves the request alone or is `stored`. A truncated answer of an unprocessed request is a
 * success that never was.
 */
export function faultReply(
  { action, latencyMs }: FaultDecision,
  process: () => SimulatedReply,
  now: number,
): SimulatedReply {
  if (action === undefined) return { ...process(), latencyMs };
  const kind = faultKind(action);
  const processed = action.stored === true || kind === 'slowBody' ? process() : jsonReply(200, {});
  switch (kind) {
    case 'status':
      return { ...statusReply(action, now), latencyMs };
    case 'hang':
    case 'reset':
      return { ...processed, latencyMs, ending: { kind } };
    case 'truncate':
      return { ...processed, latencyMs, ending: { kind, bytes: action.truncate ?? 0 } };
    case 'slowBody':
      return { ...processed, latencyMs, ending: { kind: 'dribble', durationMs: action.slowBodyMs ?? 0 } };
    case 'latency':
      return { ...processed, latencyMs };
  }
}

function statusReply({ status = 500, body = '', retryAfter, headers = {} }: FaultAction, now: number): SimulatedReply {
  const lowerCase = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  if (retryAfter === undefined) return textReply(status, body, lowerCase);
  const wait = retryAfter === 'date' ? faultRetryDateMs : retryAfter * 1000;
  const form = retryAfter === 'date' ? 'date' : 'seconds';
  return textReply(status, body, { ...retryAfterHeader(form, wait, now), ...lowerCase });
}
