/** A bit for each entry of a manifest: 1.2 MiB for ten million. */
export class BitField {
  readonly bytes: Buffer;

  constructor(count: number) {
    this.bytes = Buffer.alloc(Math.ceil(count / 8));
  }

  has(index: number): boolean {
    return ((this.bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  set(index: number): void {
    this.bytes[index >>> 3] = (this.bytes[index >>> 3] ?? 0) | (1 << (index & 7));
  }
}
