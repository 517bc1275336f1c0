import type { IncomingMessage } from 'node:http';

/** What speaks of one connection only: RFC 9110 §7.6.1, and `Trailer`, for trailers are not handed on. */
const hopByHop = ['connection', 'proxy-connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];

/**
 * The headers that are meant for the other end, name and value in turn, as they came: without those of one connection
 * (RFC 9110 §7.6.1) and those named in `besides`, in lower case.
 */
export function endToEnd(message: IncomingMessage, besides: readonly string[]): readonly string[] {
  const named = (message.headers.connection ?? '').toLowerCase().split(/[\s,]+/);
  const dropped = new Set([...hopByHop, ...named, ...besides]);
  const { rawHeaders } = message;
  return rawHeaders.filter((_text, index) => !dropped.has((rawHeaders[index - (index % 2)] ?? '').toLowerCase()));
}

/** The header that says where the body ends, in the client's way. Without it, Node would guess by the method. */
export function framing({ headers, method }: IncomingMessage, body: Buffer | undefined): readonly string[] {
  if (body !== undefined) return ['Content-Length', String(body.length)];
  if (headers['transfer-encoding'] !== undefined) return ['Transfer-Encoding', headers['transfer-encoding']];
  if (headers['content-length'] !== undefined) return ['Content-Length', headers['content-length']];
  return method === 'GET' || method === 'HEAD' ? [] : ['Content-Length', '0'];
}

/** Path and query; also of a target that is a whole URL (RFC 9112 §3.2.2). */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}
