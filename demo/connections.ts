export type ConnectionId = 'web' | 'mobile' | 'server';

export interface DemoConnection {
  readonly writeKey: string;
  readonly appId: string;
}

/** The same three as in config.yaml, which the service reads; a test holds the two equal. */
export const connections: Readonly<Record<ConnectionId, DemoConnection>> = {
  web: { writeKey: 'demo-web-key', appId: '9000000101' },
  mobile: { writeKey: 'demo-mobile-key', appId: '9000000102' },
  server: { writeKey: 'demo-server-key', appId: '9000000103' },
};
