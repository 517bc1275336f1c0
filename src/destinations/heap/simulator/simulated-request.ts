import { gunzipSync } from 'node:zlib';

/** A request as the simulator sees it; node's IncomingMessage headers fit. */
export interface SimulatedRequest {
  readonly method: string;
  /** Without the query string. */
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: Buffer | string;
}

/** A request's body as JSON; `tooLarge` and `malformed` are what Heap would answer 413 and 400. */
export type DecodedBody =
  { readonly kind: 'json'; readonly value: unknown } | { readonly kind: 'tooLarge' } | { readonly kind: 'malformed' };

/** The text of a header, or undefined when it is absent or repeated. */
export function header(request: SimulatedRequest, name: string): string | undefined {
  const value = request.headers?.[name];
  return typeof value === 'string' ? value : undefined;
}

/**
 * Unzips and parses the body; the cap holds before and after unzipping. The content type is not looked at: Heap's
 * pages show `application/json`, none says that another one is refused.
 */
export function decodeBody(request: SimulatedRequest, maxBodyBytes: number): DecodedBody {
  const { body = '' } = request;
  // A UTF-16 unit is at least one byte, so most strings need no exact count.
  const tooLarge = typeof body === 'string' ? exceeds(body, maxBodyBytes) : body.length > maxBodyBytes;
  if (tooLarge) return { kind: 'tooLarge' };
  try {
    const encoding = header(request, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
    return { kind: 'json', value: JSON.parse(decodeText(body, encoding, maxBodyBytes)) };
  } catch (error) {
    return { kind: isTooLarge(error) ? 'tooLarge' : 'malformed' };
  }
}

function exceeds(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

function decodeText(body: Buffer | string, encoding: string, maxBytes: number): string {
  if (encoding === 'identity' || encoding === '') return body.toString();
  if (encoding !== 'gzip' && encoding !== 'x-gzip') throw new TypeError(`unknown content encoding ${encoding}`);
  return gunzipSync(body, { maxOutputLength: Math.max(1, maxBytes) }).toString();
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
