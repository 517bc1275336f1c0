import { sortedMembers } from './go-json.js';

export const workspaceId = '2aBcDeFgHiJkLmNoPqRsTuVwXyZ';
export const sourceId = '2sOuRcE0fThEbEnChMaRkShOp00';
export const destinationId = '2dEsTiNaTiOnOfThEbEnChMaRk0';

const platforms = [
  'amp',
  'android',
  'cloud',
  'cordova',
  'flutter',
  'ios',
  'reactnative',
  'shopify',
  'unity',
  'warehouse',
  'web',
];

const definitionConfig = {
  supportedMessageTypes: ['identify', 'track'],
  supportedSourceTypes: platforms,
  supportedConnectionModes: Object.fromEntries(
    platforms.map((platform) => [platform, platform === 'web' ? ['cloud', 'device'] : ['cloud']]),
  ),
  destConfig: {
    ...Object.fromEntries(platforms.map((platform) => [platform, ['connectionMode', 'consentManagement']])),
    defaultConfig: ['appId', 'blacklistedEvents', 'eventFilteringOption', 'whitelistedEvents'],
    web: ['connectionMode', 'consentManagement', 'oneTrustCookieCategories', 'useNativeSDK'],
  },
  excludeKeys: [],
  includeKeys: ['appId', 'blacklistedEvents', 'eventFilteringOption', 'oneTrustCookieCategories', 'whitelistedEvents'],
  secretKeys: [],
  transformAtV1: 'processor',
  responseType: 'JSON',
  saveDestinationResponse: true,
  isAudienceSupported: false,
};

const config = {
  appId: '9000000101',
  connectionMode: { web: 'cloud' },
  consentManagement: {},
  eventFilteringOption: 'disable',
  blacklistedEvents: [{ eventName: '' }],
  whitelistedEvents: [{ eventName: '' }],
  useNativeSDK: { web: false },
};

/** Members in the order of rudder-server's structures; its maps are sorted. */
export const destination = {
  ID: destinationId,
  Name: 'Heap production',
  DestinationDefinition: {
    ID: '1hEaPdEfInItIoNoFbEnChMaRk0',
    Name: 'HEAP',
    DisplayName: 'Heap.io',
    Config: sortedMembers(definitionConfig),
  },
  Config: sortedMembers(config),
  Enabled: true,
  WorkspaceID: workspaceId,
  Transformations: [],
  IsProcessorEnabled: true,
  RevisionID: '2rEvIsIoNoFtHeDeStInAtIoN00',
  hasDynamicConfig: false,
};

export const connection = { sourceId, destinationId, enabled: true, config: {}, processorEnabled: true };
