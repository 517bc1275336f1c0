/**
 * What RudderStack's control plane answers to `GET /sourceConfig`, for a source that is on, has no destinations that the
 * SDK itself would serve, and collects nothing about the SDK. Browser and mobile SDKs ask for it before they send
 * anything: the browser's needs `source.id`, `source.config` and `source.destinations`
 * (https://github.com/rudderlabs/rudder-sdk-js, `isValidSourceConfig`), the mobile ones the other fields too
 * (https://github.com/rudderlabs/rudder-sdk-ios, `RSServerConfigSource`).
 */
export function rudderSourceConfig(writeKey: string): object {
  return {
    source: {
      id: 'heap-destination',
      name: 'heap-destination',
      writeKey,
      enabled: true,
      workspaceId: 'heap-destination',
      config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
      connections: [],
      destinations: [],
      dataplanes: {},
      updatedAt,
    },
    updatedAt,
  };
}

/** It never changes, so neither does its time. */
const updatedAt = '2026-01-01T00:00:00.000Z';
