import type { Request } from 'express';

import { writeKeyOf } from '../../sources/segment/write-key.js';

/** The write key that the headers or the address of a request name. */
export function requestedKey({ headers, url }: Request): string | undefined {
  const keyHeader = headers['x-write-key'];
  const at = url.indexOf('?');
  return writeKeyOf({
    authorization: headers.authorization,
    keyHeader: typeof keyHeader === 'string' ? keyHeader : undefined,
    query: at === -1 ? '' : url.slice(at + 1),
  });
}
