import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import type { DeliverySnapshot } from '../../../src/core/delivery/lane-snapshot.js';
import type { OperatedDelivery } from '../../../src/http/operator/lane-routes.js';
import { createOperatorApp, type OperatorAppOptions } from '../../../src/http/operator-app.js';
import { listen, type Listener } from '../../../src/service/listen.js';
import { ask } from '../../support/http-client.js';
import { hostSnapshot, laneSnapshot } from '../../support/snapshots.js';

let listener: Listener | undefined;

afterEach(async () => {
  listener?.destroy();
  await listener?.close();
  listener = undefined;
});

async function serve(options: Partial<OperatorAppOptions> = {}): Promise<string> {
  const app = createOperatorApp({ registry: new Registry(), version: '1.2.3', isStopping: () => false, ...options });
  listener = await listen(app, 0, '127.0.0.1');
  return listener.url;
}

async function askJson(url: string, method = 'GET'): Promise<readonly [number, unknown]> {
  const { status, text } = await ask(url, { method });
  return [status, JSON.parse(text)];
}

function delivering(snapshot: DeliverySnapshot, resumed: string[] = []): OperatedDelivery {
  return {
    snapshot: () => snapshot,
    resume: (region, appId) => {
      resumed.push(`${region} ${appId}`);
      return snapshot.lanes.some((lane) => lane.region === region && lane.appId === appId);
    },
  };
}

const lanes = [
  laneSnapshot({ appId: '11', backlog: 3 }),
  laneSnapshot({ appId: '12', state: 'paused', backlog: 4 }),
  laneSnapshot({ appId: '13', state: 'halted', region: 'eu' }),
];
const hosts = [hostSnapshot()];
const withLanes = { delivery: delivering({ lanes, hosts }) };

describe('the operator port', () => {
  it('shows the lanes and the hosts', async () => {
    const url = await serve(withLanes);
    expect(await askJson(`${url}/lanes`)).toEqual([200, { total: 3, lanes: [lanes[1], lanes[2], lanes[0]], hosts }]);
    expect(await askJson(`${url}/lanes?state=halted,paused&limit=1`)).toEqual([
      200,
      { total: 2, lanes: [lanes[1]], hosts },
    ]);
  });

  it('says what is wrong with a query', async () => {
    const url = await serve(withLanes);
    const [status, answer] = await askJson(`${url}/lanes?state=happy`);
    expect(status).toBe(400);
    expect(answer).toEqual({ status: 'refused', message: expect.stringMatching(/^"state" is one or more of/) });
  });

  it('shows one lane, and says so where there is none', async () => {
    const url = await serve(withLanes);
    expect(await askJson(`${url}/lanes/eu/13`)).toEqual([200, lanes[2]]);
    expect(await askJson(`${url}/lanes/us/13`)).toEqual([
      404,
      {
        status: 'unknown',
        message: 'there is no lane us/13; a lane is there from its first event on, as long as the process lives',
      },
    ]);
  });

  it('resumes a lane when it is told to, and only then', async () => {
    const resumed: string[] = [];
    const url = await serve({ delivery: delivering({ lanes, hosts }, resumed) });
    await ask(`${url}/lanes/us/12/resume`);
    expect(resumed).toEqual([]);
    expect(await askJson(`${url}/lanes/us/12/resume`, 'POST')).toEqual([200, lanes[1]]);
    expect(await askJson(`${url}/lanes/us/99/resume`, 'POST')).toEqual([
      404,
      { status: 'unknown', message: expect.stringContaining('us/99') },
    ]);
    expect(resumed).toEqual(['us 12', 'us 99']);
  });

  it('names lanes that somebody has to look at on the health page, and stays up for them', async () => {
    const url = await serve(withLanes);
    expect(await askJson(`${url}/health`)).toEqual([
      200,
      {
        status: 'up',
        version: '1.2.3',
        backlog: 7,
        halted: [{ appId: '13', region: 'eu' }],
        paused: [{ appId: '12', region: 'us' }],
      },
    ]);
  });

  it.each(['/', '/lane', '/lanes/us', '/lanes/%E0%A4%A/1', '/lanes/us/12/resume', '/lanes/us/12/pause'])(
    'lists its routes at %s, where nothing is',
    async (path) => {
      const url = await serve(withLanes);
      expect(await askJson(`${url}${path}`)).toEqual([
        404,
        {
          status: 'unknown',
          routes: ['/health', '/metrics', '/lanes', '/lanes/:region/:appId', 'POST /lanes/:region/:appId/resume'],
        },
      ]);
    },
  );

  it('has no routes for lanes where there are none', async () => {
    const url = await serve();
    const nothing = { status: 'unknown', routes: ['/health', '/metrics'] };
    expect(await askJson(`${url}/lanes`)).toEqual([404, nothing]);
    expect(await askJson(`${url}/lanes/us/12/resume`, 'POST')).toEqual([404, nothing]);
    expect(await askJson(`${url}/health`)).toMatchObject([200, { backlog: 0, halted: [], paused: [] }]);
  });

  it('says that it failed when it did, and not why', async () => {
    const fail = (): never => {
      throw new Error('secret');
    };
    const url = await serve({ delivery: { snapshot: fail, resume: fail } });
    expect(await askJson(`${url}/lanes`)).toEqual([500, { status: 'failed' }]);
  });
});
