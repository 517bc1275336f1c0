import { readFileSync } from 'node:fs';

/**
 * What is resident of a process, in MiB. `anon` is its own: heap, buffers, stacks. `file` are pages of files, LMDB's map
 * among them, which the system takes back when it needs them.
 * https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
 */
export interface ProcessMemory {
  readonly rss: number;
  readonly anon: number;
  readonly file: number;
}

export function processMemory(processId: number): ProcessMemory {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  const mebibytes = (name: string): number => {
    const [, kib = 'NaN'] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
    return Number(kib) / 1_024;
  };
  return { rss: mebibytes('VmRSS'), anon: mebibytes('RssAnon'), file: mebibytes('RssFile') };
}

/** Of each part the most. */
export function mostMemory(one: ProcessMemory, other: ProcessMemory): ProcessMemory {
  return {
    rss: Math.max(one.rss, other.rss),
    anon: Math.max(one.anon, other.anon),
    file: Math.max(one.file, other.file),
  };
}
