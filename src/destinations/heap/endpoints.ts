import type { Region } from './connection.js';

/** Base URLs per region, https://developers.heap.io/reference/track-1; EU data must not go to the US host. */
export const heapBaseUrls: Readonly<Record<Region, string>> = {
  us: 'https://heapanalytics.com',
  eu: 'https://c.eu.heap-api.com',
};
