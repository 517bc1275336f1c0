import { basicUserName } from './basic-user-name.js';

/** What a request says about its write key outside of its body. */
export interface KeyPlaces {
  readonly authorization: string | undefined;
  /** The header `X-Write-Key`, which Jitsu's SDKs send as `KEY:SECRET`. */
  readonly keyHeader: string | undefined;
  /** The query after the `?`; a beacon can have no headers, so RudderStack's names the key as `writeKey=` there. */
  readonly query: string;
}

/**
 * The write key of a request, from the first place that has one: HTTP Basic, `X-Write-Key`, `?writeKey=`. A body may
 * name one too, which counts only where these don't: Jitsu's SDKs put half of the key in it, and some of Segment's send
 * both. `Authorization` with another scheme (Segment's OAuth) is passed over.
 */
export function writeKeyOf({ authorization, keyHeader, query }: KeyPlaces): string | undefined {
  return (
    basicUserName(authorization) ??
    present(beforeColon(keyHeader)) ??
    present(new URLSearchParams(query).get('writeKey'))
  );
}

/** The write key is all that identifies a source: what follows it is not looked at, as with a password in HTTP Basic. */
function beforeColon(text: string | undefined): string | undefined {
  return text?.split(':', 1)[0]?.trim();
}

function present(key: string | null | undefined): string | undefined {
  return key === '' || key === null ? undefined : key;
}
