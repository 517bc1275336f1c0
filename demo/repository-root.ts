import { existsSync } from 'node:fs';

/** The folder with package.json, above this file's source or its build. */
export function repositoryRoot(): URL {
  let folder = new URL('./', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const parent = new URL('../', folder);
    if (parent.href === folder.href) throw new Error('the demo must be run from its repository');
    folder = parent;
  }
  return folder;
}
