// Kills a process that writes to a store at random moments, and looks whether anything is lost.
// Usage: node scripts/crash-test.mjs [--kills 100]; needs the build.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '100' } } });
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', 'test/core/store/lmdb/crash.test.ts'];
const { status } = spawnSync(process.execPath, jest, {
  stdio: 'inherit',
  env: { ...process.env, STORE_KILLS: values.kills },
});
process.exitCode = status ?? 1;
