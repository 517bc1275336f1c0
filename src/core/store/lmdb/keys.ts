/** Bytes of a lane's number and of a sequence: 2^48 chunks last for 89 years at 100,000 a second. */
const numberBytes = 6;
export const maxNumber = 2 ** (8 * numberBytes) - 1;

/** The bytes of a key sort as its numbers do. Lanes are numbers here, so that their names may be anything. */
export function laneKey(laneId: number): Buffer {
  const key = Buffer.allocUnsafe(numberBytes);
  key.writeUIntBE(laneId, 0, numberBytes);
  return key;
}

export function chunkKey(laneId: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(2 * numberBytes);
  key.writeUIntBE(laneId, 0, numberBytes);
  key.writeUIntBE(sequence, numberBytes, numberBytes);
  return key;
}

export function isSequence(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= maxNumber;
}

export function sequenceOf(chunkKey: Buffer): number {
  return chunkKey.readUIntBE(numberBytes, numberBytes);
}
