/** How an answer leaves: whole, or in one of the ways that answers go wrong. */
export type Ending =
  | { readonly kind: 'whole' }
  /** Never sent. */
  | { readonly kind: 'hang' }
  /** The connection is reset instead. */
  | { readonly kind: 'reset' }
  /** Announced whole, cut after `bytes` bytes of the body. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** The body dribbles out over `durationMs`. */
  | { readonly kind: 'dribble'; readonly durationMs: number };

/**
 * An answer, as data. A caller in virtual time must itself honour `latencyMs` (the request has already taken effect by
 * then) and `ending`; start-simulator.ts does so on a socket.
 */
export interface SimulatedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly latencyMs: number;
  readonly ending: Ending;
}

const whole: Ending = Object.freeze({ kind: 'whole' });

export function textReply(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): SimulatedReply {
  const contentType = { 'content-type': 'text/plain; charset=utf-8' };
  return { status, headers: { ...contentType, ...headers }, body, latencyMs: 0, ending: whole };
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): SimulatedReply {
  const contentType = { 'content-type': 'application/json; charset=utf-8' };
  return { status, headers: { ...contentType, ...headers }, body: JSON.stringify(value), latencyMs: 0, ending: whole };
}

/** A `Retry-After` in one of HTTP's two forms (RFC 9110 §10.2.3), rounded up: both have whole seconds only. */
export function retryAfterHeader(form: 'seconds' | 'date', waitMs: number, now: number): Record<string, string> {
  if (form === 'seconds') return { 'retry-after': String(Math.ceil(waitMs / 1000)) };
  return { 'retry-after': new Date(Math.ceil((now + waitMs) / 1000) * 1000).toUTCString() };
}
