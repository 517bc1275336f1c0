import { describe } from '@jest/globals';

import { itKeepsTheContractOfAStore } from '../store-conformance.js';
import { LmdbDirectory } from './lmdb-directory.js';

describe('a store in an LMDB file', () => {
  itKeepsTheContractOfAStore(() => LmdbDirectory.start({ dedupeMs: 86_400_000 }), {
    // What databases often can't have.
    oddLanes: ['a\0b', 'x'.repeat(5_000)],
  });
});
