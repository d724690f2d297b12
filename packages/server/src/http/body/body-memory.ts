import { errors } from "@moraine/protocol";

/** The memory of one body while it is read and used. */
export interface BodyLease {
  /** Counts the body as `sizeBytes` long. Throws OverloadError when it has to give way itself. */
  grow(sizeBytes: number): void;
  /** The body is complete and in use: from now on it does not give way. */
  settle(): void;
  release(): void;
}

interface Holder {
  readonly source: string;
  readonly isVerified: boolean;
  /** Null once the body is complete: it can no longer be taken away. */
  onEvicted: ((error: Error) => void) | null;
  sizeBytes: number;
}

const tooManyBodies = () =>
  errors.overloaded("The bodies of requests take too much memory at the moment. Try again later.");

/**
 * Bounds the memory of all bodies that are collected. When it is used up, the largest body of the source that holds the most
 * gives way: first among callers whose signature has not been verified. Strangers therefore compete only with each other,
 * and one who takes much loses it before one who takes little.
 */
export class BodyMemory {
  readonly #sizeBytesMax: number;
  readonly #holders = new Set<Holder>();
  #sizeBytes = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** The bytes that are held now. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** @param source the network that the body comes from. @param onEvicted is called with the client's error when the memory is lost. */
  lease(source: string, isVerified: boolean, onEvicted: (error: Error) => void): BodyLease {
    const holder: Holder = { source, isVerified, onEvicted, sizeBytes: 0 };
    this.#holders.add(holder);
    return {
      grow: (sizeBytes) => {
        this.#sizeBytes += sizeBytes - holder.sizeBytes;
        holder.sizeBytes = sizeBytes;
        this.#makeRoom();
        if (!this.#holders.has(holder)) {
          throw tooManyBodies();
        }
      },
      settle: () => {
        holder.onEvicted = null;
      },
      release: () => this.#remove(holder),
    };
  }

  #makeRoom(): void {
    while (this.#sizeBytes > this.#sizeBytesMax) {
      const victim = this.#largest(false) ?? this.#largest(true);
      if (victim === null) {
        return;
      }
      this.#remove(victim);
      victim.onEvicted?.(tooManyBodies());
    }
  }

  #largest(isVerified: boolean): Holder | null {
    const held = new Map<string, { sizeBytes: number; largest: Holder }>();
    for (const holder of this.#holders) {
      if (holder.isVerified === isVerified && holder.onEvicted !== null && holder.sizeBytes > 0) {
        const { sizeBytes = 0, largest = holder } = held.get(holder.source) ?? {};
        held.set(holder.source, {
          sizeBytes: sizeBytes + holder.sizeBytes,
          largest: holder.sizeBytes > largest.sizeBytes ? holder : largest,
        });
      }
    }
    const [most] = [...held.values()].sort((a, b) => b.sizeBytes - a.sizeBytes);
    return most?.largest ?? null;
  }

  #remove(holder: Holder): void {
    if (this.#holders.delete(holder)) {
      this.#sizeBytes -= holder.sizeBytes;
    }
  }
}
