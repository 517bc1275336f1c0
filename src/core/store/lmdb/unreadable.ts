/** A record that can't be read. What there was of it was moved out of the way, and kept. */
export interface Unreadable {
  /** What it should have been. A lane loses nothing but its row, which is made anew from its chunks. */
  readonly kind: 'chunk' | 'deadLetter' | 'lane';
  /** Where it stood: lane and sequence, the letter's id, or the lane's number. */
  readonly name: string;
  readonly bytes: number;
}
