import type { CompiledConnection } from '../../../src/core/compiled-connection.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import { defaultHeapSettings } from '../../../src/destinations/heap/connection.js';
import { appId } from '../../support/running-service.js';

/** The connection `main` of the service that tests start, compiled. */
export function connectionOf(): CompiledConnection {
  const faults: string[] = [];
  const connection = compileConnection(
    { id: 'main', appId, region: 'us', preset: 'heap', settings: defaultHeapSettings },
    faults,
  );
  if (faults.length > 0) throw new Error(faults.join('; '));
  return connection;
}
