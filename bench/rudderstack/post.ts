import { request, type Agent, type IncomingHttpHeaders } from 'node:http';

const timeoutMs = 30_000;

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends one body to the transformer on `port` of this machine; resolves with the whole answer, whatever its status. */
export function post(
  agent: Agent,
  port: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      agent,
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/v0/destinations/heap',
      headers: { ...headers, 'Content-Length': body.byteLength },
      timeout: timeoutMs,
    });
    sent.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
    sent.once('error', reject);
    sent.end(body);
  });
}
