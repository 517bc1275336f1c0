import { describe, expect, it } from '@jest/globals';

import { heapBaseUrls } from '../../../../src/destinations/heap/endpoints.js';
import { allowHosts } from '../../../../src/sources/rudderstack/proxy/allowed-hosts.js';

const isHeap = allowHosts(Object.values(heapBaseUrls), []);

describe('the hosts that the proxy may send to', () => {
  it.each([
    'https://heapanalytics.com/api/track',
    'https://c.eu.heap-api.com/api/track?a=b#c',
    'https://heapanalytics.com:443/api/track',
    // The same host, as DNS has it.
    'HTTPS://HeapAnalytics.COM/api/track',
    // A backslash is a slash in a URL like this one.
    'https://heapanalytics.com\\@evil.example/api/track',
  ])('are Heap’s: %s', (url) => {
    expect(isHeap(new URL(url))).toBe(true);
    expect(new URL(url).hostname).toMatch(/^(heapanalytics\.com|c\.eu\.heap-api\.com)$/);
  });

  it.each([
    'https://evil.example/api/track',
    'https://EVIL.example/api/track',
    'https://api.heapanalytics.com/api/track',
    'https://heapanalytics.com.evil.example/api/track',
    'https://evil.example/heapanalytics.com',
    'https://evil.example/?https://heapanalytics.com',
    'https://evil.example/#https://heapanalytics.com',
    'https://heapanalytics.com@evil.example/api/track',
    'https://heapanalytics.com:443@evil.example/api/track',
    'https://heapanalytics.com%40evil.example@evil.example/',
    'https://user@heapanalytics.com/api/track',
    'https://:password@heapanalytics.com/api/track',
    'https://heapanalytics.com./api/track',
    'https://heapanalytics.com:8443/api/track',
    'https://heapanalytics.com:80/api/track',
    'http://heapanalytics.com/api/track',
    'http://heapanalytics.com:443/api/track',
    'https://hеapanalytics.com/api/track', // a Cyrillic е
    'https://heapanalytics.com。evil.example/',
    'https://127.0.0.1/api/track',
    'https://[::1]/api/track',
    'https://[::ffff:127.0.0.1]/api/track',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://169.254.169.254/latest/meta-data',
    'ftp://heapanalytics.com/api/track',
    'ws://heapanalytics.com/api/track',
    'file:///etc/passwd',
    'file://heapanalytics.com/etc/passwd',
    'data:text/plain,hello',
    'blob:https://heapanalytics.com/1',
    'javascript:alert(1)',
  ])('are not: %s', (url) => {
    expect(isHeap(new URL(url))).toBe(false);
  });

  describe('are also those that the operator names', () => {
    const isAllowed = allowHosts(
      ['https://heapanalytics.com'],
      ['heap.internal', ' Relay.Example:8443 ', '', '10.0.0.7', '[::1]:9000'],
    );

    it.each([
      'https://heapanalytics.com/',
      'https://heap.internal/',
      'http://heap.internal/',
      'http://heap.internal:8080/',
      'http://HEAP.internal:8080/',
      'https://relay.example:8443/',
      'http://relay.example:8443/',
      'http://10.0.0.7/',
      'http://10.0.7/',
      'http://[::1]:9000/',
    ])('as they are named: %s', (url) => {
      expect(isAllowed(new URL(url))).toBe(true);
    });

    it.each([
      'https://relay.example/',
      'https://relay.example:443/',
      'https://relay.example:8444/',
      'https://sub.heap.internal/',
      'https://heap.internal.evil.example/',
      'https://heap.internal./',
      'https://heap.internal@evil.example/',
      'https://user@heap.internal/',
      'ftp://heap.internal/',
      'ws://heap.internal/',
      'http://10.0.0.70/',
      'http://[::1]:9001/',
    ])('and no others: %s', (url) => {
      expect(isAllowed(new URL(url))).toBe(false);
    });

    it.each([
      ['heap.internal:443', 'https://heap.internal/api/track'],
      ['heap.internal:443', 'https://heap.internal:443/api/track'],
      ['heap.internal:80', 'http://heap.internal/api/track'],
    ])('with the port that their scheme has by default: %s is %s', (host, url) => {
      expect(allowHosts([], [host])(new URL(url))).toBe(true);
    });

    it.each([
      ['heap.internal:443', 'http://heap.internal/api/track'],
      ['heap.internal:80', 'https://heap.internal/api/track'],
    ])('without another port than they are named with: %s is not %s', (host, url) => {
      expect(allowHosts([], [host])(new URL(url))).toBe(false);
    });
  });

  it('are those of base URLs with a path and a port, whatever the path', () => {
    const isRelay = allowHosts(['http://relay:8080/heap'], []);
    expect(isRelay(new URL('http://relay:8080/api/track'))).toBe(true);
    expect(isRelay(new URL('http://relay/heap/api/track'))).toBe(false);
  });
});
