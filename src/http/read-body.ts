import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

import type { RequestReason } from '../core/reasons.js';
import type { BufferPool } from './buffer-pool.js';

export type ReadBody =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: RequestReason; readonly message: string };

const decoders: Readonly<Record<string, (body: Buffer) => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: inflateEither,
  br: () => createBrotliDecompress(),
};

/** HTTP's deflate has a zlib wrapper (RFC 9110 §8.4.1.2), which some clients leave off; its first byte tells. */
function inflateEither(body: Buffer): Transform {
  const hasWrapper = ((body[0] ?? 0) & 0x0f) === 8 && body.length > 1 && body.readUInt16BE(0) % 31 === 0;
  return hasWrapper ? createInflate() : createInflateRaw();
}

/** A body's bytes, or why they can't be had. */
export type ReadBytes =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly reason: RequestReason; readonly message: string };

/**
 * Reads a request's body as text, whatever its content type says, bounded before and after decompression: memory is
 * never spent on more than `maxBytes` of either. Bytes that are no UTF-8 become U+FFFD.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const encoding = request.headers['content-encoding'];
  if (!isKnownEncoding(encoding)) return unknownEncoding();
  const sent = await collectBody(request, maxBytes);
  const decoded = sent.ok ? await decodeBody(sent.bytes, encoding, maxBytes) : sent;
  return decoded.ok ? { ok: true, text: decoded.bytes.toString('utf8') } : decoded;
}

/**
 * Reads a request's body as it was sent, at most `maxBytes` of it.
 *
 * @param onChunk hears of the bytes as they arrive; where it answers false, the body is not kept and counts as too large
 *   for now.
 * @param pool where the buffer of the body is taken from; whoever reads the body gives it back, see
 *   {@link releaseBody}.
 */
export async function collectBody(
  request: IncomingMessage,
  maxBytes: number,
  onChunk: (bytes: number) => boolean = () => true,
  pool?: BufferPool,
): Promise<ReadBytes> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLarge(maxBytes);
  const body = await collect(request, maxBytes, onChunk, pool);
  if (body === 'too large') return tooLarge(maxBytes);
  if (body === 'no room') return noRoom();
  if (body === 'broken off') return refused('body_unreadable', 'the body broke off');
  return { ok: true, bytes: body };
}

/** Gives the buffer of a body that was collected with a pool back to it; the body must not be looked at any more. */
export function releaseBody(body: Buffer, pool: BufferPool): void {
  pool.give(Buffer.from(body.buffer));
}

/**
 * Undoes a body's Content-Encoding, at most to `maxBytes`.
 *
 * @param onChunk hears of the bytes as they are made; where it answers false, there is no room for them now.
 */
export async function decodeBody(
  body: Buffer,
  encoding: string | undefined,
  maxBytes: number,
  onChunk: (bytes: number) => boolean = () => true,
): Promise<ReadBytes> {
  const name = encodingName(encoding);
  if (name === 'identity') return { ok: true, bytes: body };
  const decoder = Object.hasOwn(decoders, name) ? decoders[name]?.(body) : undefined;
  if (decoder === undefined) return unknownEncoding();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    decoder.end(body);
    // Leaving the loop ends the decoder.
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) return tooLarge(maxBytes);
      if (!onChunk(chunk.length)) return noRoom();
      chunks.push(chunk);
    }
  } catch {
    return refused('body_unreadable', `the body is not ${name}`);
  }
  return { ok: true, bytes: Buffer.concat(chunks) };
}

function isKnownEncoding(encoding: string | undefined): boolean {
  const name = encodingName(encoding);
  return name === 'identity' || Object.hasOwn(decoders, name);
}

function encodingName(encoding: string | undefined): string {
  return (encoding ?? 'identity').trim().toLowerCase();
}

function unknownEncoding(): Extract<ReadBytes, { ok: false }> {
  return refused('encoding_unsupported', 'send gzip, deflate, br or no encoding');
}

/**
 * The bytes of the body. A body over the limit is read to its end and thrown away, because closing the connection under
 * a client that still sends would keep it from reading the answer; the server's request timeout bounds that.
 */
function collect(
  request: IncomingMessage,
  maxBytes: number,
  onChunk: (bytes: number) => boolean,
  pool: BufferPool | undefined,
): Promise<Buffer | 'too large' | 'no room' | 'broken off'> {
  return new Promise((resolve) => {
    const body = new GrowingBody(Number(request.headers['content-length'] ?? 0), pool);
    let isRefused = false;
    request.on('data', (chunk: Buffer) => {
      if (isRefused) return;
      const isTooLarge = body.length + chunk.length > maxBytes;
      if (!isTooLarge && onChunk(chunk.length)) {
        body.add(chunk);
        return;
      }
      isRefused = true;
      body.drop();
      resolve(isTooLarge ? 'too large' : 'no room');
    });
    request.once('end', () => {
      resolve(body.whole());
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

/** What is reserved for a body by its announced length alone. */
const maxReserved = 8 * 1024 * 1024;

/**
 * One buffer that the chunks of a body are copied into as they come. Keeping the chunks, to join them at the end, would
 * have the body in memory twice, in pieces that the garbage collector is slow to notice.
 */
class GrowingBody {
  #bytes: Buffer | undefined;
  #length = 0;

  constructor(
    private readonly announced: number,
    private readonly pool: BufferPool | undefined,
  ) {}

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    // Without a pool, a body that comes in one chunk is that chunk.
    if (this.pool === undefined && this.#bytes === undefined && chunk.length === this.announced) {
      this.#bytes = chunk;
      this.#length = chunk.length;
      return;
    }
    const needed = this.#length + chunk.length;
    let bytes = this.#bytes;
    if (bytes === undefined || needed > bytes.length) {
      const reserved = Math.min(this.announced, maxReserved);
      const size = Math.max(needed, reserved, 2 * this.#length);
      bytes = this.pool?.take(size) ?? Buffer.allocUnsafe(size);
      this.#bytes?.copy(bytes, 0, 0, this.#length);
      if (this.#bytes !== undefined) this.pool?.give(this.#bytes);
      this.#bytes = bytes;
    }
    chunk.copy(bytes, this.#length);
    this.#length = needed;
  }

  whole(): Buffer {
    return this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0);
  }

  drop(): void {
    if (this.#bytes !== undefined) this.pool?.give(this.#bytes);
    this.#bytes = undefined;
    this.#length = 0;
  }
}

function tooLarge(maxBytes: number): Extract<ReadBytes, { ok: false }> {
  return refused('body_too_large', `at most ${maxBytes} bytes, before and after decompression`);
}

function noRoom(): Extract<ReadBytes, { ok: false }> {
  return refused('backlog_full', 'too many bytes are being read at the moment');
}

function refused(reason: RequestReason, message: string): Extract<ReadBytes, { ok: false }> {
  return { ok: false, reason, message };
}
