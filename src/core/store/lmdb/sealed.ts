import { crc32 } from './checksum.js';

const checksumBytes = 4;

/** The bytes behind their checksum. */
export function seal(bytes: Buffer): Buffer {
  const record = Buffer.allocUnsafe(checksumBytes + bytes.length);
  record.writeUInt32LE(crc32(bytes), 0);
  bytes.copy(record, checksumBytes);
  return record;
}

/** What was sealed, or undefined when it is not that any more. */
export function unseal(record: Buffer): Buffer | undefined {
  if (record.length < checksumBytes) return undefined;
  const bytes = record.subarray(checksumBytes);
  return crc32(bytes) === record.readUInt32LE(0) ? bytes : undefined;
}

export function sealJson(value: unknown): Buffer {
  return seal(Buffer.from(JSON.stringify(value)));
}

export function unsealJson(record: Buffer): unknown {
  const bytes = unseal(record);
  // A checksum that holds means that it was written by `sealJson`.
  return bytes === undefined ? undefined : JSON.parse(bytes.toString());
}
