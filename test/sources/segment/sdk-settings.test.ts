import { describe, expect, it } from '@jest/globals';

import { cdnSettings } from '../../../src/sources/segment/cdn-settings.js';
import { rudderSourceConfig } from '../../../src/sources/segment/rudder-source-config.js';

describe("RudderStack's source", () => {
  it('is on, has no destinations in the SDK, and collects nothing about it', () => {
    expect(rudderSourceConfig('key')).toMatchObject({
      source: {
        id: expect.any(String),
        writeKey: 'key',
        enabled: true,
        destinations: [],
        config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
      },
    });
  });
});

describe("Segment's settings", () => {
  it('name this service as the place for events, and no metrics for Segment', () => {
    expect(cdnSettings('key', 'events.example.com:8443', 'https')).toMatchObject({
      integrations: { 'Segment.io': { apiKey: 'key', apiHost: 'events.example.com:8443/v1', protocol: 'https' } },
      metrics: { sampleRate: 0 },
    });
  });
});
