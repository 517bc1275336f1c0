import type { LaneListener } from '../store.js';
import type { Claimant } from './append-chunks.js';
import { fairShare } from './fair-share.js';
import type { Hint, Hints } from './hints.js';
import { PostgresLane, type LaneParts } from './postgres-lane.js';
import { repeat } from './repeat.js';
import type { ClaimRow, Senders, Survey } from './senders.js';

export interface KeeperParts extends Omit<LaneParts, 'onLost' | 'onReleased'> {
  readonly senders: Senders;
  /** How often it is looked what others did. */
  readonly pollMs: number;
  /** Undefined where this process neither tells others nor hears from them. */
  readonly hints: Hints | undefined;
  readonly onSurvey: (survey: Survey) => void;
}

/** A lane is given up when this part of its lease is left, which is looked at every tenth of a lease. */
const lossShare = 0.2;

/**
 * The lanes of this process: claims its share of those in which something waits, renews their leases, and says when they
 * are lost, or when others should have them. What fails is tried again.
 */
export class LaneKeeper {
  readonly #parts: KeeperParts;
  readonly #lanes = new Map<string, PostgresLane>();
  readonly #stops: (() => void)[] = [];
  #listener: LaneListener | undefined;
  #isStopped = false;
  #survey: Survey | undefined;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #renewing = Promise.resolve(0);
  /** By the monotonic clock. */
  #leavesUntil = Number.NEGATIVE_INFINITY;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Resolves when what is free is claimed, or could not be. */
  async start(listener: LaneListener): Promise<void> {
    const { clock, leaseMs, pollMs } = this.#parts;
    this.#listener = listener;
    const firstRenewal = await this.#renew();
    await this.#look();
    if (this.#hasStopped()) return;
    this.#stops.push(
      repeat(clock, firstRenewal, () => this.#renew()),
      repeat(clock, pollMs, async () => {
        await this.#look();
        return pollMs;
      }),
      repeat(clock, leaseMs / 10, () => Promise.resolve(this.#watch())),
    );
  }

  /** Nothing is claimed or renewed any more. */
  stop(): void {
    this.#isStopped = true;
    this.#listener = undefined;
    for (const stop of this.#stops) stop();
    for (const lane of this.#lanes.values()) lane.end();
    this.#lanes.clear();
  }

  /** Who is to claim a lane that nobody holds, when it is appended to: this process, if it may have one more. */
  claimant(): Claimant | undefined {
    const { owner, leaseMs } = this.#parts;
    if (this.#listener === undefined || this.#survey === undefined) return undefined;
    const share = fairShare(this.#survey.lanes + 1, this.#survey.replicas);
    return this.#lanes.size < share ? { owner, leaseMs } : undefined;
  }

  /** @param sentAt when the claim was sent, by the monotonic clock. */
  adopt(name: string, claim: ClaimRow, sentAt: number): void {
    const former = this.#lanes.get(name);
    if (this.#listener === undefined || (former?.epoch ?? 0) >= claim.epoch) return;
    if (former !== undefined) this.#lose(former);
    const onLost = this.#lose.bind(this);
    const onReleased = this.#released.bind(this);
    const lane = new PostgresLane({ ...this.#parts, onLost, onReleased }, name, claim, sentAt);
    this.#lanes.set(name, lane);
    this.#listener.onClaimed(lane);
  }

  /**
   * Chunks `before` + 1 up to `last` were appended by this process.
   *
   * @param owner the lane's sender, as far as known.
   */
  appended(name: string, before: number, last: number, owner: string | undefined): void {
    const lane = this.#lanes.get(name);
    if (lane === undefined) {
      if (owner === undefined) this.#parts.hints?.free(name);
      else this.#parts.hints?.appended(name);
      return;
    }
    const others = before > lane.last;
    lane.idleSince = undefined;
    lane.last = Math.max(lane.last, last);
    if (others) this.#listener?.onAppended(name);
  }

  hear({ appended, free }: Hint): void {
    for (const lane of appended) if (this.#lanes.has(lane)) this.#listener?.onAppended(lane);
    if (free.length > 0 && !this.#isLeaving()) void this.#look();
  }

  /** A method, because it changes while something is awaited. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  /** One at a time: two would wait for each other's rows. */
  #renew(): Promise<number> {
    this.#renewing = this.#renewing.then(() => this.#renewOnce());
    return this.#renewing;
  }

  /** @returns when to do so again, in milliseconds. */
  async #renewOnce(): Promise<number> {
    const { clock, senders, leaseMs } = this.#parts;
    const lanes = [...this.#lanes.values()];
    const sentAt = clock.monotonic();
    try {
      const own = await senders.renew(lanes, this.#isLeaving());
      for (const lane of lanes) {
        if (own.get(lane.lane) === lane.epoch) lane.renewed(sentAt);
        else if (lane.isHeld) this.#lose(lane);
      }
      return leaseMs / 3;
    } catch {
      return leaseMs / 10;
    }
  }

  #watch(): number {
    const { leaseMs } = this.#parts;
    for (const lane of [...this.#lanes.values()]) if (lane.leftMs() <= lossShare * leaseMs) this.#lose(lane);
    return leaseMs / 10;
  }

  /** One look is under way at a time; who asks meanwhile gets one that begins later. */
  #look(): Promise<void> {
    this.#looksAgain = true;
    this.#looking ??= this.#lookWhileAsked().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookWhileAsked(): Promise<void> {
    while (this.#looksAgain && !this.#isStopped) {
      this.#looksAgain = false;
      try {
        await this.#lookOnce();
      } catch {
        return;
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const { senders, clock, onSurvey } = this.#parts;
    const survey = await senders.survey();
    onSurvey(survey);
    this.#survey = survey;
    this.#review(survey);
    const share = fairShare(survey.lanes, survey.replicas);
    const room = share - this.#lanes.size;
    if (room <= 0 || survey.free === 0 || this.#isLeaving()) return;
    const sentAt = clock.monotonic();
    for (const claim of await senders.claim(room)) this.adopt(claim.lane, claim, sentAt);
  }

  /** Says what others appended, and what others should have: lanes beyond the share, and those that are empty for a lease. */
  #review({ own, lanes, replicas }: Survey): void {
    const { clock, leaseMs } = this.#parts;
    const now = clock.monotonic();
    for (const { lane: name, epoch, last, waits } of own) {
      const lane = this.#lanes.get(name);
      if (lane?.epoch !== epoch) continue;
      if (last > lane.last) {
        lane.last = last;
        this.#listener?.onAppended(name);
      }
      lane.idleSince = waits ? undefined : (lane.idleSince ?? now);
      if (lane.idleSince !== undefined && now - lane.idleSince >= leaseMs) this.#want(lane);
    }
    const held = [...this.#lanes.values()].filter((lane) => !lane.isWanted);
    const share = fairShare(lanes, replicas);
    if (held.length > share) for (const lane of held.slice(share)) this.#want(lane);
  }

  #want(lane: PostgresLane): void {
    if (lane.isWanted || !lane.isHeld) return;
    lane.isWanted = true;
    this.#listener?.onWanted(lane.lane);
  }

  #released(lane: PostgresLane): void {
    const { clock, leaseMs, hints } = this.#parts;
    if (this.#lanes.get(lane.lane) === lane) this.#lanes.delete(lane.lane);
    if (lane.isWanted) {
      hints?.free(lane.lane);
      return;
    }
    const wasLeaving = this.#isLeaving();
    this.#leavesUntil = clock.monotonic() + leaseMs;
    // The others' shares grow with that.
    void (wasLeaving ? Promise.resolve() : this.#renew()).then(() => {
      hints?.free(lane.lane);
    });
  }

  /**
   * Who gives a lane back that nobody asked for is about to stop: it counts for nobody's share, and claims nothing that it
   * does not append to itself, for the time of a lease.
   */
  #isLeaving(): boolean {
    return this.#parts.clock.monotonic() < this.#leavesUntil;
  }

  #lose(lane: PostgresLane): void {
    if (lane.isGone) return;
    lane.end();
    if (this.#lanes.get(lane.lane) === lane) this.#lanes.delete(lane.lane);
    this.#listener?.onLost(lane.lane);
  }
}
