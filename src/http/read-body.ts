import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';

import type { RequestReason } from '../core/reasons.js';

export type ReadBody =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: RequestReason; readonly message: string };

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: inflateEither,
  br: promisify(brotliDecompress),
};

const inflateZlib = promisify(inflate);
const inflateBare = promisify(inflateRaw);

/** HTTP's deflate has a zlib wrapper (RFC 9110 §8.4.1.2), which some clients leave off; its first byte tells. */
function inflateEither(body: Buffer, options: ZlibOptions): Promise<Buffer> {
  const hasWrapper = ((body[0] ?? 0) & 0x0f) === 8 && body.length > 1 && body.readUInt16BE(0) % 31 === 0;
  return hasWrapper ? inflateZlib(body, options) : inflateBare(body, options);
}

/**
 * Reads a request's body as text, whatever its content type says, bounded before and after decompression: memory is
 * never spent on more than `maxBytes` of either. Bytes that are no UTF-8 become U+FFFD.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decode = Object.hasOwn(decoders, encoding) ? decoders[encoding as keyof typeof decoders] : undefined;
  if (decode === undefined && encoding !== 'identity') {
    return refused('encoding_unsupported', 'send gzip, deflate, br or no encoding');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes);

  const body = await collect(request, maxBytes);
  if (body === 'too large') return tooLarge(maxBytes);
  if (body === 'broken off') return refused('body_unreadable', 'the body broke off');
  if (decode === undefined) return { ok: true, text: body.toString('utf8') };
  try {
    return { ok: true, text: (await decode(body, { maxOutputLength: maxBytes })).toString('utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes);
    return refused('body_unreadable', `the body is not ${encoding}`);
  }
}

/**
 * The bytes of the body. A body over the limit is read to its end and thrown away, because closing the connection under
 * a client that still sends would keep it from reading the answer; the server's request timeout bounds that.
 */
function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too large' | 'broken off'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) {
        chunks.push(chunk);
      } else {
        chunks.length = 0;
        resolve('too large');
      }
    });
    request.once('end', () => {
      resolve(Buffer.concat(chunks));
    });
    // After 'end' this changes nothing; before it, the client went away or the body was cut.
    request.once('close', () => {
      resolve('broken off');
    });
    request.once('error', () => {
      resolve('broken off');
    });
  });
}

function tooLarge(maxBytes: number): ReadBody {
  return refused('body_too_large', `at most ${maxBytes} bytes, before and after decompression`);
}

function refused(reason: RequestReason, message: string): ReadBody {
  return { ok: false, reason, message };
}
