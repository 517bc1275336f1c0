/** Says whether the proxy may send to a URL. */
export type IsAllowed = (url: URL) => boolean;

/**
 * The proxy sends what its callers ask to where its callers ask: only to the destination's own API over https, and to
 * the hosts that the operator named. A host without a port stands for every port.
 *
 * @param baseUrls the destination's base URLs.
 * @param hosts `host` or `host:port`, reached by http or https.
 */
export function allowHosts(baseUrls: readonly string[], hosts: readonly string[]): IsAllowed {
  const origins = new Set(baseUrls.map((url) => new URL(url).origin));
  const named = new Set(hosts.map((host) => host.trim().toLowerCase()).filter((host) => host !== ''));
  return (url) => {
    // Credentials in a URL have no place here, and make a host look like another one.
    if (url.username !== '' || url.password !== '') return false;
    if (origins.has(url.origin)) return true;
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
    return isWeb && (named.has(url.host) || named.has(url.hostname));
  };
}
