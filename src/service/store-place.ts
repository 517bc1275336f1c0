import { isAbsolute, join } from 'node:path';

import type { SchemaFault } from '../core/config/schema-faults.js';
import type { Environment } from './read-config.js';
import type { StorePlace, StoreSettings } from './store-config.js';

/** Where events wait when nobody says where. */
export const defaultDataDir = 'heap-destination-data';

/**
 * Where events are to wait: DATABASE_URL, DATA_DIR or ALLOW_VOLATILE of the environment, else what the file says, else a
 * directory beside the working one. In production (NODE_ENV) somebody has to say it: a directory that goes with its
 * container would look like a store and be none.
 *
 * @param folder of the configuration file, which its paths begin at.
 */
export function storePlace(
  { dataDir, databaseUrl }: StoreSettings,
  folder: string,
  environment: Environment,
  faults: SchemaFault[],
): StorePlace {
  const { DATABASE_URL = '', DATA_DIR = '', ALLOW_VOLATILE = '', NODE_ENV } = environment;
  if (!['', '0', '1', 'true', 'false'].includes(ALLOW_VOLATILE)) {
    faults.push({ path: [], message: `the environment's ALLOW_VOLATILE must be 1 or 0, not "${ALLOW_VOLATILE}"` });
  }
  if (dataDir !== undefined && databaseUrl !== undefined) {
    faults.push({ path: ['store'], message: 'has both dataDir and databaseUrl: events wait in one place' });
  }
  const url = DATABASE_URL === '' ? databaseUrl : DATABASE_URL;
  const isVolatile = ALLOW_VOLATILE === '1' || ALLOW_VOLATILE === 'true';
  if (isVolatile) {
    if (DATABASE_URL !== '' || DATA_DIR !== '' || dataDir !== undefined || databaseUrl !== undefined) {
      faults.push({
        path: [],
        message: 'ALLOW_VOLATILE keeps nothing: give no DATA_DIR, DATABASE_URL or store with it',
      });
    }
    return { type: 'none' };
  }
  if (DATABASE_URL !== '' && DATA_DIR !== '') {
    faults.push({ path: [], message: 'the environment has both DATA_DIR and DATABASE_URL: events wait in one place' });
  }
  if (DATA_DIR === '' && url !== undefined) {
    const isUrl = /^postgres(ql)?:\/\//.test(url) && URL.canParse(url);
    if (!isUrl)
      faults.push({ path: [], message: 'DATABASE_URL must be a URL such as postgres://user:password@host/database' });
    return { type: 'postgres', url };
  }
  if (DATA_DIR !== '') return { type: 'lmdb', dataDir: DATA_DIR };
  if (dataDir !== undefined) return { type: 'lmdb', dataDir: isAbsolute(dataDir) ? dataDir : join(folder, dataDir) };
  if (NODE_ENV === 'production') {
    const message =
      'nothing says where events wait: set DATA_DIR to a directory on a volume, or DATABASE_URL, or --allow-volatile to keep nothing';
    faults.push({ path: ['store'], message });
  }
  return { type: 'lmdb', dataDir: defaultDataDir };
}
