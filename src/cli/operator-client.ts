import { unlessEmpty } from './environment.js';
import { exitCodes } from './exit-codes.js';
import { tell } from './output.js';

/** Why a command that speaks to a running service can't go on, for the person at the terminal. */
export class OperatorFault extends Error {
  override readonly name = 'OperatorFault';

  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

export interface OperatorAnswer {
  readonly status: number;
  /** The service's words, or what there is to say without them. */
  readonly message: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface OperatorQuestion {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Posted as JSON; without one it is a GET. */
  readonly body?: object;
}

const defaultUrl = 'http://127.0.0.1:9091';

/** Base URLs of operator ports: those of the option, else of OPERATOR_URL (joined by commas), else the default one. */
export function operatorUrls(option: readonly string[] | undefined): readonly string[] {
  const given = option ?? unlessEmpty(process.env.OPERATOR_URL)?.split(',') ?? [defaultUrl];
  return given.map((text) => {
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
    if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href.replace(/\/+$/, '');
    throw new OperatorFault(`"${text}" is no URL of an operator port, such as ${defaultUrl}`, exitCodes.usage);
  });
}

/** What the service at this URL answers. Throws an `OperatorFault` where that is nothing to go on with. */
export async function askOperator(
  base: string,
  path: string,
  question: OperatorQuestion = {},
): Promise<OperatorAnswer> {
  const response = await callOperator(base, path, question);
  const text = await response.text().catch(() => '');
  const json = parseObject(text);
  if (json === undefined || 'routes' in json) throw new OperatorFault(nothingThere(base, path), exitCodes.usage);
  const message = typeof json.message === 'string' ? json.message : `${base} answered ${response.status}`;
  if (response.status === 400 || response.status === 403) throw new OperatorFault(message, exitCodes.usage);
  if (response.status === 500) throw new OperatorFault(`${base} failed; its log says why`, exitCodes.rejected);
  return { status: response.status, message, json };
}

/** The answer of the service, its body not yet read. */
export async function callOperator(
  base: string,
  path: string,
  { query = {}, body }: OperatorQuestion,
): Promise<Response> {
  const url = new URL(`${base}${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  try {
    return await fetch(url, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) });
  } catch (error) {
    const how = 'give the URL of its operator port with --operator or OPERATOR_URL';
    throw new OperatorFault(`no service answers at ${base} (${causeOf(error)}); ${how}`, exitCodes.usage);
  }
}

/** Runs a command; a fault is told in one sentence and decides the exit code. */
export async function tellingFaults(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof OperatorFault)) throw error;
    tell(error.message);
    process.exitCode = error.exitCode;
  }
}

function nothingThere(base: string, path: string): string {
  return `the service at ${base} has no ${path.split('/')[1] ?? path}: it runs without a store, or something else answers there`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** `fetch failed` says nothing; what it was caused by does. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error ? cause.message : String(error);
}
