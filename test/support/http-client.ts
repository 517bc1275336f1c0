import { request as httpRequest, type Agent, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

import type { EventResult } from '../../src/core/intake.js';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpQuestion {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** A connection of its own without one, closed with the answer. */
  readonly agent?: Agent;
}

/** One HTTP request; rejects when the connection breaks before the answer is whole. */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body, agent }: HttpQuestion = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const call = httpRequest(url, { method, headers, agent: agent ?? false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    call.once('error', reject);
    call.end(body);
  });
}

/** What the data port answers. */
export interface IngestAnswer {
  readonly success: boolean;
  readonly received?: number;
  readonly accepted?: number;
  readonly delivered?: number;
  readonly dropped?: number;
  readonly rejected?: number;
  readonly error?: { readonly reason: string; readonly message: string };
  readonly results?: readonly EventResult[];
}

export type Ingested = HttpAnswer & { readonly json: IngestAnswer };

export function basic(userName: string): string {
  return `Basic ${Buffer.from(userName).toString('base64')}`;
}

/** Posts to the data port with the write key `key`, unless the headers say otherwise. */
export async function ingest(
  dataUrl: string,
  path: string,
  body: unknown,
  { headers = {}, agent }: Pick<HttpQuestion, 'headers' | 'agent'> = {},
): Promise<Ingested> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await ask(`${dataUrl}${path}`, {
    method: 'POST',
    headers: { authorization: basic('key:'), 'content-type': 'application/json', ...headers },
    body: isRaw ? body : JSON.stringify(body),
    ...(agent === undefined ? {} : { agent }),
  });
  return { ...answer, json: JSON.parse(answer.text) as IngestAnswer };
}

export interface RawConnection {
  write(bytes: string | Uint8Array): void;
  /** Everything that came back; resolves when the other side has closed. */
  readonly answer: Promise<string>;
  destroy(): void;
}

/** A bare TCP connection, for requests that no HTTP client would make. */
export async function rawConnection(url: string): Promise<RawConnection> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // A reset ends the answer like any other close.
  socket.on('error', () => undefined);
  const answer = new Promise<string>((resolve) => {
    socket.once('close', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  return { write: (bytes) => void socket.write(bytes), answer, destroy: () => socket.destroy() };
}
