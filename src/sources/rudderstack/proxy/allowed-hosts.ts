/** Says whether the proxy may send to a URL. */
export type IsAllowed = (url: URL) => boolean;

const defaultPorts: Readonly<Record<string, string | undefined>> = { 'http:': '80', 'https:': '443' };

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
    // A blob: URL has the origin of the URL inside it.
    const defaultPort = defaultPorts[url.protocol];
    if (defaultPort === undefined) return false;
    const port = url.port === '' ? defaultPort : url.port;
    return origins.has(url.origin) || named.has(url.hostname) || named.has(`${url.hostname}:${port}`);
  };
}
