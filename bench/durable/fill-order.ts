export interface FillOrder {
  readonly dataDir: string;
  readonly events: number;
  readonly eventsPerChunk: number;
  readonly lanes: number;
}

export interface Filled {
  readonly events: number;
  readonly bytes: number;
  readonly wallMs: number;
}
