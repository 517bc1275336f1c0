/**
 * What Segment's CDN answers to `GET /v1/projects/{writeKey}/settings`: where `@segment/analytics-next` and Segment's
 * mobile SDKs send events, and that they report no metrics about themselves, which would go to Segment.
 *
 * @param apiHost host, and port where it is not the usual one, that the SDK reached this service by.
 */
export function cdnSettings(writeKey: string, apiHost: string, protocol: 'http' | 'https'): object {
  return {
    integrations: { 'Segment.io': { apiKey: writeKey, apiHost: `${apiHost}/v1`, protocol } },
    plan: { track: { __default: { enabled: true, integrations: {} } } },
    edgeFunction: {},
    remotePlugins: [],
    metrics: { sampleRate: 0 },
  };
}
