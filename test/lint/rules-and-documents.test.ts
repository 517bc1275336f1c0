import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

import { reasons } from '../../src/core/reasons.js';
import { readTable, repositoryRoot } from '../support/documentation.js';

/** The project's own rules, without those that need the type checker, which would take seconds per file. */
const eslint = new ESLint({
  cwd: repositoryRoot,
  overrideConfig: [
    {
      files: ['**/*.ts'],
      languageOptions: { parserOptions: { projectService: false } },
      rules: tseslint.configs.disableTypeChecked.rules ?? {},
    },
  ],
});

/** What is said of the imports of a file that stands at `path` and imports `module`. */
async function complaintsAbout(path: string, module: string): Promise<readonly string[]> {
  const text = `import { thing } from '${module}';\n\nexport const other = thing;\n`;
  const [result] = await eslint.lintText(text, { filePath: `${repositoryRoot}${path}` });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'parser'}: ${message}`);
}

describe('the direction of imports', () => {
  it.each([
    ['src/core/delivery/x.ts', '../../http/answer.js', 'src/http'],
    ['src/core/x.ts', '../destinations/heap/limits.js', 'src/destinations'],
    ['src/core/x.ts', '../sources/segment/read-events.js', 'src/sources'],
    ['src/destinations/heap/x.ts', '../../sources/segment/read-events.js', 'src/sources'],
    ['src/destinations/heap/simulator/x.ts', '../../../http/answer.js', 'src/http'],
    ['src/sources/segment/x.ts', '../../destinations/heap/limits.js', 'src/destinations'],
    ['src/http/x.ts', '../service/read-config.js', 'src/service'],
    ['src/service/x.ts', '../cli/exit-codes.js', 'src/cli'],
  ])('forbids %s to import %s', async (path, module, forbidden) => {
    const complaints = await complaintsAbout(path, module);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('no-restricted-imports');
    expect(complaints[0]).toContain(`must not import ${forbidden}: imports go one way, towards core.`);
  });

  it.each([
    ['src/core/delivery/x.ts', '../clock.js'],
    ['src/core/x.ts', './http/x.js'],
    ['src/destinations/heap/x.ts', '../../core/clock.js'],
    ['src/sources/segment/x.ts', '../../core/clock.js'],
    ['src/http/x.ts', '../sources/segment/read-events.js'],
    ['src/service/x.ts', '../http/answer.js'],
    ['src/cli/commands/x.ts', '../../service/read-config.js'],
  ])('allows %s to import %s', async (path, module) => {
    expect(await complaintsAbout(path, module)).toEqual([]);
  });
});

describe('the documents', () => {
  it('docs/reasons.md lists the codes of the registry, no more and no less', () => {
    expect(readTable('docs/reasons.md')).toEqual(Object.keys(reasons).sort());
  });
});
