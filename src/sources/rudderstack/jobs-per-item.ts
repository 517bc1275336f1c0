/**
 * How many jobs each item of a bulk request stands for, where writes of one identity were merged. rudder-server hands a
 * request's headers to the delivery proxy as they are, which is how the proxy knows whose item was refused; nothing else
 * of what it hands on could tell. Heap never sees it from the proxy, and ignores it otherwise.
 */
export const jobsPerItemName = 'X-Jobs-Per-Item';

/** The header as a JSON member with a comma in front; empty where each item is one job. */
export function jobsPerItemHeader(counts: readonly number[]): string {
  return counts.every((count) => count === 1) ? '' : `,"${jobsPerItemName}":"${counts.join(',')}"`;
}

/**
 * The jobs of each item, by their place in the request's list of jobs.
 *
 * @returns `undefined` where it is not known whose the items are.
 */
export function readJobsPerItem(
  header: string | undefined,
  items: number,
  jobs: number,
): readonly (readonly number[])[] | undefined {
  if (header === undefined) {
    if (items === 1) return [Array.from({ length: jobs }, (_unused, job) => job)];
    return items === jobs ? Array.from({ length: jobs }, (_unused, job) => [job]) : undefined;
  }
  const counts = header.split(',').map((text) => (/^\d{1,6}$/.test(text.trim()) ? Number(text) : Number.NaN));
  const sum = counts.reduce((total, count) => total + count, 0);
  if (counts.length !== items || sum !== jobs || counts.includes(0)) return undefined;
  let next = 0;
  return counts.map((count) => Array.from({ length: count }, () => next++));
}
