/** @type {import('jest').Config} */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // ts-jest only transpiles here (isolatedModules); `npm run types` is what checks types.
  transform: { '^.+\\.ts$': ['ts-jest', { useESM: true }] },
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts'],
  maxWorkers: 2,
  // No test is about speed: on a busy machine one may take long, and only one that hangs is cut off.
  testTimeout: 60_000,
  // jest's ESM module registry leaks across files; recycling workers keeps a long run flat.
  workerIdleMemoryLimit: '300MB',
};
