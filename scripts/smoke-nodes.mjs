// Runs the demo, built by this Node, under other Node versions from npm's `node` package.
// Usage: node scripts/smoke-nodes.mjs [version...=22 24]; run `npm run demo` first, which builds.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24'];
let failed = 0;
for (const version of versions) {
  const folder = mkdtempSync(join(tmpdir(), 'heap-destination-node-'));
  const run = (command, args) => spawnSync(command, args, { encoding: 'utf8', timeout: 180_000 });
  const install = run('npm', ['install', '--prefix', folder, '--no-save', '--no-package-lock', `node@${version}`]);
  const node = join(folder, 'node_modules', 'node', 'bin', 'node');
  const shown = run(node, ['--version']);
  const demo = shown.status === 0 ? run(node, ['build/demo/run-demo.js']) : install;
  const passed = demo.status === 0;
  if (!passed) failed += 1;
  console.log(`node ${version} (${(shown.stdout ?? '').trim() || 'not installed'}): ${passed ? 'passed' : 'FAILED'}`);
  if (!passed) console.log(`${demo.stdout}${demo.stderr}`.slice(-3_000));
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
