/**
 * The user name of an HTTP Basic header, which is where Segment's and RudderStack's SDKs put the write key:
 * `base64("KEY:")`; a key without the colon is taken as well.
 */
export function basicUserName(authorization: string | undefined): string | undefined {
  const match = /^Basic\s+([A-Za-z0-9+/_-]+={0,2})\s*$/i.exec(authorization ?? '');
  if (match?.[1] === undefined) return undefined;
  const credentials = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  const key = colon === -1 ? credentials : credentials.slice(0, colon);
  return key === '' ? undefined : key;
}
