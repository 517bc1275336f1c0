import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { BackfillStopped } from './backfill-stopped.js';
import type { InputFile } from './input-file.js';

/** One line of the file. */
export interface InputRecord {
  /** From 1. */
  readonly line: number;
  /** Where the next line begins, in bytes of what the file holds when it is decompressed. */
  readonly end: number;
  /** Bytes of the file itself that were read for it, about. */
  readonly position: number;
  /** Without its end; undefined where it is longer than anybody may keep in memory. */
  readonly text: string | undefined;
}

/** A place between two lines. */
export interface FilePlace {
  /** Lines before it. */
  readonly line: number;
  /** Bytes before it, of what the file holds when it is decompressed. */
  readonly offset: number;
}

const readBytes = 256 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
/** UTF-8 takes no more for one UTF-16 unit. */
const bytesPerCharacter = 3;

/**
 * The lines behind a place, in bounded memory whatever they are: one of more than `maxLength` characters is passed over
 * as it comes in. Ends of lines may be LF or CRLF, and the last one may lack its end. A compressed file is decompressed
 * from its beginning, since there is no other way into it.
 *
 * @throws BackfillStopped where the file can't be read on: it is damaged, or was cut off.
 */
export async function* readRecords(
  { path, isGzip }: InputFile,
  from: FilePlace,
  maxLength: number,
): AsyncGenerator<InputRecord> {
  const file = createReadStream(path, { start: isGzip ? 0 : from.offset, highWaterMark: readBytes });
  // A failure of either reaches the reader of the last one.
  const stream = isGzip ? pipeline(file, createGunzip({ chunkSize: readBytes }), () => undefined) : file;
  const maxBytes = maxLength * bytesPerCharacter;
  let line = from.line;
  let offset = isGzip ? 0 : from.offset;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const record = (last: Buffer, end: number): InputRecord => {
    line += 1;
    const bytes = heldBytes + last.length;
    const text = bytes > maxBytes ? undefined : textOf(held.length === 0 ? last : Buffer.concat([...held, last]), line);
    held = [];
    heldBytes = 0;
    const position = isGzip ? file.bytesRead : end;
    return { line, end, position, text: text === undefined || text.length > maxLength ? undefined : text };
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let start = Math.min(chunk.length, Math.max(0, from.offset - offset));
      for (;;) {
        const end = chunk.indexOf(lineFeed, start);
        if (end === -1) break;
        yield record(chunk.subarray(start, end), offset + end + 1);
        start = end + 1;
      }
      heldBytes += chunk.length - start;
      if (heldBytes > maxBytes) held = [];
      else if (start < chunk.length) held.push(chunk.subarray(start));
      offset += chunk.length;
    }
  } catch (error) {
    throw new BackfillStopped(`${path} can not be read on behind line ${line}: ${messageOf(error)}`);
  }
  if (heldBytes > 0) yield record(Buffer.alloc(0), offset);
}

function textOf(bytes: Buffer, line: number): string {
  const end = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length;
  const text = bytes.toString('utf8', 0, end);
  return line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
