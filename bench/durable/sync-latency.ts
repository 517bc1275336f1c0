import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { quantile } from './spread.js';

const writes = 200;

/** How long the disk of a folder takes to sync an append of so many bytes: median and 95th percentile, in milliseconds. */
export function syncLatency(folder: string, bytes: number): { readonly p50: number; readonly p95: number } {
  const path = join(folder, 'sync-latency');
  const file = openSync(path, 'w');
  const data = Buffer.alloc(bytes, 1);
  const latencies = Array.from({ length: writes }, () => {
    writeSync(file, data);
    const startedAt = performance.now();
    fdatasyncSync(file);
    return performance.now() - startedAt;
  }).sort((one, other) => one - other);
  closeSync(file);
  rmSync(path);
  return { p50: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) };
}
