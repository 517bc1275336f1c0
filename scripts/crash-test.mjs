// Kills processes that store and deliver events at random moments, and looks whether anything is lost or doubled: the
// store by itself, and the service on LMDB and on PostgreSQL.
// Usage: node scripts/crash-test.mjs [--kills 100] [name of a test file]; needs the build.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { kills: { type: 'string', default: '100' } },
  allowPositionals: true,
});
const tests = positionals.length > 0 ? positionals : ['test/core/store/lmdb/crash.test.ts', 'test/crash'];
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', ...tests];
const { status } = spawnSync(process.execPath, jest, {
  stdio: 'inherit',
  env: { ...process.env, STORE_KILLS: values.kills, SERVICE_KILLS: values.kills },
});
process.exitCode = status ?? 1;
