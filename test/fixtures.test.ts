import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

import { findCases, runCase } from '../src/destinations/heap/mapping-cases/mapping-case.js';

const fixtures = fileURLToPath(new URL('./__fixtures__/', import.meta.url));
const folders = ['track', 'identify', 'page', 'screen', 'group', 'alias', 'invalid'];
const files = folders.flatMap((folder) => findCases(`${fixtures}${folder}`));

describe('the mapping', () => {
  for (const file of files) {
    const report = runCase(file);
    it(`${report.description} [${file.name}]`, () => {
      expect(report.actual).toEqual(report.expected);
    });
  }

  it('is described by at least 80 cases, each with a description of its own', () => {
    const descriptions = files.map((file) => runCase(file).description);
    expect(descriptions.length).toBeGreaterThanOrEqual(80);
    expect(new Set(descriptions).size).toBe(descriptions.length);
  });
});
