import {
  accountLine,
  countEach,
  mergeLine,
  trackLine,
  userLine,
  type HeapFacts,
  type KeptProperties,
} from '../heap-facts.js';
import { keptProperties, keptTraits } from './kept-properties.js';
import type { Owner, Write } from './story-event.js';
import { heapUserId } from './user-id.js';

type TrackWrite = Extract<Write, { kind: 'track' }>;

/** Keeps the books of one app_id: what Heap should hold after the writes entered so far, in their order. */
export class Ledger {
  private readonly tracks = new Map<string, TrackWrite>();
  private readonly users = new Map<string, KeptProperties>();
  private readonly accounts = new Map<string, KeptProperties>();
  private readonly identityByUserId = new Map<string, string>();

  enter(messageId: string, write: Write): void {
    switch (write.kind) {
      case 'track':
        if (this.tracks.has(messageId)) throw new Error(`${messageId} is used twice`);
        this.tracks.set(messageId, write);
        return;
      case 'userProperties':
        overwrite(this.users, write.identity, keptTraits(write.properties));
        return;
      case 'accountProperties':
        overwrite(this.accounts, write.accountId, keptProperties(write.properties));
        return;
      case 'merge':
        this.merge(heapUserId(write.anonymousId), write.identity);
    }
  }

  facts(): HeapFacts {
    const owners = new Map([...this.tracks].map(([messageId, { owner }]) => [messageId, this.resolve(owner)] as const));
    const lines = [...this.tracks].map(([messageId, { name, time, properties }]) =>
      trackLine({
        idempotencyKey: messageId,
        name,
        owner: owners.get(messageId) ?? { userId: '' },
        time: time === 'arrival' ? time : new Date(time).toISOString(),
        properties: keptProperties(properties),
      }),
    );
    const identities = new Set([...this.users.keys(), ...this.identityByUserId.values()]);
    const anonymous = new Set<string>();
    for (const owner of owners.values()) {
      if ('identity' in owner) identities.add(owner.identity);
      else anonymous.add(owner.userId);
    }
    return {
      idempotencyKeys: [...this.tracks.keys()],
      tracks: lines,
      tracksByName: countEach([...this.tracks.values()].map(({ name }) => name)),
      users: [...this.users].map(([identity, properties]) => userLine(identity, properties)),
      accounts: [...this.accounts].map(([accountId, properties]) => accountLine(accountId, properties)),
      merges: [...this.identityByUserId].map(([userId, identity]) => mergeLine(userId, identity)),
      identities: identities.size,
      anonymousUsers: anonymous.size,
    };
  }

  private merge(userId: string, identity: string): void {
    const known = this.identityByUserId.get(userId);
    if (known !== undefined && known !== identity) throw new Error(`user_id ${userId} has an identity already`);
    this.identityByUserId.set(userId, identity);
  }

  private resolve(owner: Owner): { identity: string } | { userId: string } {
    if ('identity' in owner) return owner;
    const userId = heapUserId(owner.anonymousId);
    const identity = this.identityByUserId.get(userId);
    return identity === undefined ? { userId } : { identity };
  }
}

/** Last write wins, property by property. */
function overwrite(known: Map<string, KeptProperties>, key: string, properties: KeptProperties): void {
  known.set(key, { ...known.get(key), ...properties });
}
