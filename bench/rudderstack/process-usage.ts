import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc, USER_HZ: 100 on every platform that Node runs on. */
const ticksPerSecond = 100;

/**
 * CPU time, user and system, of all threads of these processes since their start, in milliseconds; a multiple of 10.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function cpuMs(processIds: readonly number[]): number {
  const ticks = processIds.reduce((sum, processId) => {
    const fields = statFields(processId);
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
  return (ticks * 1_000) / ticksPerSecond;
}

/** The highest resident memory that these processes ever had, added up, in MiB. */
export function peakMemoryMiB(processIds: readonly number[]): number {
  return processIds.reduce((sum, processId) => {
    const [, kib = 'NaN'] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${processId}/status`, 'utf8')) ?? [];
    return sum + Number(kib) / 1_024;
  }, 0);
}

/** The live processes of a process group: a server may have started others. */
export function groupMembers(groupId: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((processId) => {
      try {
        return Number(statFields(processId)[2]) === groupId;
      } catch {
        // It ended since the folder was listed.
        return false;
      }
    });
}

/** The fields after the name, which may hold blanks and brackets itself: state, parent, process group and so on. */
function statFields(processId: number): readonly string[] {
  const text = readFileSync(`/proc/${processId}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}
