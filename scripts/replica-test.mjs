// Three replicas on one PostgreSQL, killed, suspended, cut off and restarted, with clocks that are wrong; and a limit of
// Heap kept across them, which takes some minutes.
// Usage: node scripts/replica-test.mjs [--rounds 5]; needs the build.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', 'test/replicas'];
const { status } = spawnSync(process.execPath, jest, {
  stdio: 'inherit',
  env: { ...process.env, REPLICA_ROUNDS: values.rounds },
});
process.exitCode = status ?? 1;
