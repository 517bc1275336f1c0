import { createServer, request as httpRequest, Agent, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Sending {
  readonly replica: string;
  readonly from: number;
  until: number;
}

/**
 * Stands between replicas and Heap, hands everything on, and sees which replica sends for which app: two of them for one
 * app at one moment must never be.
 */
export class SenderWitness {
  /** Every overlap that was seen. */
  readonly overlaps: string[] = [];
  readonly #servers: Server[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  /** By app. */
  readonly #sendings = new Map<string, Sending[]>();
  /** Times at which an app's sender was another than before. */
  moves = 0;

  constructor(private readonly heapUrl: string) {}

  /** @returns what this replica is to take for Heap. */
  async inFrontFor(replica: string): Promise<string> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      // A sender that is killed in the middle of its request has not sent it.
      request.on('error', () => undefined);
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const sending = this.#begin(replica, /"app_id":"(\d+)"/.exec(body.toString('latin1'))?.[1] ?? '');
        const { host: _host, ...headers } = request.headers;
        const url = `${this.heapUrl}${request.url ?? '/'}`;
        const call = httpRequest(url, { method: request.method, headers, agent: this.#agent }, (answer) => {
          sending.until = performance.now();
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        call.on('error', () => {
          sending.until = performance.now();
          response.destroy();
        });
        call.end(body);
      });
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
    this.#agent.destroy();
  }

  #begin(replica: string, app: string): Sending {
    const sending: Sending = { replica, from: performance.now(), until: Infinity };
    const all = this.#sendings.get(app) ?? [];
    this.#sendings.set(app, all);
    for (const other of all) {
      if (other.replica !== replica && other.until > sending.from) {
        this.overlaps.push(`${app}: ${replica} sends while ${other.replica} does`);
      }
    }
    const before = all.at(-1);
    if (before !== undefined && before.replica !== replica) this.moves += 1;
    all.push(sending);
    // The past can't overlap any more.
    if (all.length > 100) all.splice(0, all.length - 50);
    return sending;
  }
}
