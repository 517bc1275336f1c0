// Copies what tsc leaves behind (mapping and schema JSON) from src/ to the build folder.
// Usage: node scripts/copy-assets.mjs [outDir=dist]
import { cp } from 'node:fs/promises';
import { extname } from 'node:path';
import { statSync } from 'node:fs';

const outDir = process.argv[2] ?? 'dist';
await cp('src', outDir, {
  recursive: true,
  filter: (source) => statSync(source).isDirectory() || extname(source) === '.json',
});
