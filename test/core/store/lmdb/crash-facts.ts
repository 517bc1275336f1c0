/** Which chunk this is about; every event of it says the same. */
export interface Place {
  readonly call: string;
  /** Chunks of the call. */
  readonly count: number;
  readonly chunk: number;
  /** Events of the chunk. */
  readonly events: number;
}

export interface Settling extends Place {
  readonly lane: string;
  readonly sequence: number;
  readonly indexes: readonly number[];
  /** Of the letter that was written with it. */
  readonly origin?: string;
  /** That was written with it; each of a lane is greater than the one before. */
  readonly memo: number;
}

/** The letter of that origin goes, and a chunk of that call comes, which has one event. */
interface Requeueing {
  readonly call: string;
  readonly origin: string;
}

/** What a process that is going to be killed said. */
export type Fact =
  | { readonly type: 'claimed'; readonly lane: string; readonly wasReleased: boolean; readonly memo?: string }
  /** Each event has an id of its own. */
  | { readonly type: 'appending'; readonly call: string; readonly ids: readonly string[] }
  | (Place & { readonly type: 'appended'; readonly lane: string; readonly sequence: number })
  | (Settling & { readonly type: 'settling' })
  | (Settling & { readonly type: 'settled' })
  | (Requeueing & { readonly type: 'requeueing' })
  | (Requeueing & { readonly type: 'requeued' })
  | { readonly type: 'failed'; readonly problem: string };

export type FactOf<Type extends Fact['type']> = Fact & { readonly type: Type };
