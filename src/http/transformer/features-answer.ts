import { isJsonObject } from '../../core/json/json.js';
import { mergeFeatures, ownFeatures } from '../../sources/rudderstack/features.js';
import type { Upstream } from './upstream.js';
import type { UpstreamFeatures } from './upstream-features.js';

/** What `GET /features` is answered. */
export interface FeaturesAnswer {
  readonly status: number;
  readonly text: string;
  /** Plain text, with which rudder-transformer labels its JSON too. */
  readonly contentType: 'text/plain; charset=utf-8';
  /** Why the upstream could not be asked, for the log. The answer is then an older one, or 503. */
  readonly upstreamFault?: string;
}

const contentType = 'text/plain; charset=utf-8';

/**
 * Answers `GET /features`: the own features or, with an upstream, those of both. rudder-server asks every 10 s, keeps what
 * it has on any status but 200 and 404, and waits with its start until it has something.
 *
 * - The upstream is down: the last good answer again, for its features do not change by its being away. As long as there
 *   is none, 503: fails closed, because the own features alone would take the router transforms of all other destinations
 *   away.
 * - The upstream answers 404, as one older than features does: 404, on which the server falls back to its defaults. What
 *   was known before holds no longer.
 *
 * The upstream is asked once at a time, however many ask here: one that hangs holds one call. Never rejects.
 */
export function createFeaturesAnswer(upstream: Pick<Upstream, 'features'> | undefined): () => Promise<FeaturesAnswer> {
  if (upstream === undefined) {
    const own: FeaturesAnswer = { status: 200, text: JSON.stringify(ownFeatures), contentType };
    return () => Promise.resolve(own);
  }
  let lastGood: FeaturesAnswer | undefined;
  let asking: Promise<FeaturesAnswer> | undefined;

  const ask = async (): Promise<FeaturesAnswer> => {
    const read = readAnswer(await upstream.features());
    asking = undefined;
    if (!read.ok) {
      const none: FeaturesAnswer = { status: 503, text: 'the features are not known yet', contentType };
      return { ...(lastGood ?? none), upstreamFault: read.fault };
    }
    lastGood = read.answer.status === 200 ? read.answer : undefined;
    return read.answer;
  };
  return () => (asking ??= ask());
}

type ReadAnswer =
  { readonly ok: true; readonly answer: FeaturesAnswer } | { readonly ok: false; readonly fault: string };

function readAnswer(features: UpstreamFeatures): ReadAnswer {
  switch (features.type) {
    case 'known': {
      const { value } = features;
      if (!isJsonObject(value)) return { ok: false, fault: 'features that are no JSON object' };
      return { ok: true, answer: { status: 200, text: JSON.stringify(mergeFeatures(value)), contentType } };
    }
    case 'status':
      // Any other status is that of a server in trouble, or of a load balancer before one.
      if (features.status !== 404) return { ok: false, fault: `status ${features.status}` };
      return { ok: true, answer: { status: 404, text: features.body, contentType } };
    case 'unreachable':
      return { ok: false, fault: features.detail };
  }
}
