import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';

const metaBytes = 64;
/** Within a meta page, behind the page's own head. */
const magicAt = 24;
const versionAt = 28;
const pageSizeAt = 48;
const magic = 0xbeefc0de;
/** Of the data format, in the lower half of the number. */
const version = 2;

/**
 * Throws for a file that is not LMDB's: lmdb-js 3.5.6 ends the process with a segmentation fault where its `open` fails
 * on one. A file that is missing or empty is a new one.
 */
export function refuseForeignFile(path: string): void {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size === 0) return;
    const first = readMeta(file, 0);
    // There are two, and a transaction writes the one that is older.
    if (isMeta(first) && isMeta(readMeta(file, first.readUInt32LE(pageSizeAt)))) return;
    throw new Error(`${path} is not a file of LMDB, or is damaged at its start`);
  } finally {
    closeSync(file);
  }
}

function readMeta(file: number, position: number): Buffer {
  const meta = Buffer.alloc(metaBytes);
  readSync(file, meta, 0, metaBytes, position);
  return meta;
}

function isMeta(meta: Buffer): boolean {
  return meta.readUInt32LE(magicAt) === magic && (meta.readUInt32LE(versionAt) & 0xffff) === version;
}
