import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

import { BackfillRefused } from './backfill-refused.js';

/** A file of history, as it was when it was looked at. */
export interface InputFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Equal for equal files: of their size and their first 64 KB. */
  readonly fingerprint: string;
  /** Told by its first bytes, whatever it is called (RFC 1952 §2.3.1). */
  readonly isGzip: boolean;
}

const fingerprintBytes = 64 * 1024;

/** @throws BackfillRefused when there is no such file. */
export async function inspectFile(path: string): Promise<InputFile> {
  const handle = await open(path).catch((error: unknown) => {
    throw new BackfillRefused(`${path} can not be read: ${error instanceof Error ? error.message : String(error)}`);
  });
  try {
    const stats = await handle.stat();
    // Of a pipe nothing could be read again after an interruption.
    if (!stats.isFile()) throw new BackfillRefused(`${path} is no file`);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(fingerprintBytes), 0, fingerprintBytes, 0);
    const head = buffer.subarray(0, bytesRead);
    const fingerprint = createHash('sha256').update(`${stats.size} `).update(head).digest('hex');
    return { path, size: stats.size, fingerprint, isGzip: head[0] === 0x1f && head[1] === 0x8b };
  } finally {
    await handle.close();
  }
}
