import { describe, expect, it } from '@jest/globals';

import fc from 'fast-check';

import { jobsPerItemHeader, readJobsPerItem } from '../../../../src/sources/rudderstack/jobs-per-item.js';

describe('the number of jobs per item', () => {
  it('is not told where each item is one job', () => {
    expect(jobsPerItemHeader([1, 1, 1])).toBe('');
    expect(jobsPerItemHeader([])).toBe('');
    expect(jobsPerItemHeader([2, 1])).toBe(',"X-Jobs-Per-Item":"2,1"');
  });

  it('says whose each item is, in the order of the jobs', () => {
    expect(readJobsPerItem('2,1,3', 3, 6)).toEqual([[0, 1], [2], [3, 4, 5]]);
    expect(readJobsPerItem(' 1 , 2', 2, 3)).toEqual([[0], [1, 2]]);
  });

  it('is one for each where nothing is told and there are as many jobs as items', () => {
    expect(readJobsPerItem(undefined, 3, 3)).toEqual([[0], [1], [2]]);
  });

  it('is all of them for an only item where nothing is told', () => {
    expect(readJobsPerItem(undefined, 1, 4)).toEqual([[0, 1, 2, 3]]);
  });

  it.each<[string | undefined, number, number]>([
    [undefined, 2, 3],
    [undefined, 3, 2],
    ['', 1, 1],
    ['1', 2, 1],
    ['1,1', 1, 2],
    ['2,1', 2, 2],
    ['2,1', 2, 4],
    ['0,2', 2, 2],
    ['-1,3', 2, 2],
    ['1.5,1.5', 2, 3],
    ['1e0,1', 2, 2],
    ['1,,1', 3, 2],
    ['1,1,', 2, 2],
    ['NaN', 1, 1],
    ['9999999', 1, 9_999_999],
  ])('is unknown where %j speaks of %d items and %d jobs', (header, items, jobs) => {
    expect(readJobsPerItem(header, items, jobs)).toBeUndefined();
  });

  it('comes back from the header as it was put there', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 30 }), (counts) => {
        const text = jobsPerItemHeader(counts);
        const header = text === '' ? undefined : (JSON.parse(`{${text.slice(1)}}`) as Record<string, string>);
        const jobs = counts.reduce((sum, count) => sum + count, 0);
        const owners = readJobsPerItem(header?.['X-Jobs-Per-Item'], counts.length, jobs);
        expect(owners?.map((one) => one.length)).toEqual(counts);
        expect(owners?.flat()).toEqual([...Array(jobs).keys()]);
      }),
    );
  });
});
