import { contentOf, treeHashOf } from "../content.ts";

// The client's knowledge: the archives that it sent, and the responses that it received. It is in a process that is not killed.

/** A run of bytes that can be made again. */
export interface Piece {
  readonly seed: number;
  readonly sizeBytes: number;
}

/**
 * `sent`: no response yet. `stored` and `deleted`: the server said so. `deleting`: asked for, not answered. `absent`: never
 * answered, and not there after the restart: it must not come up later.
 */
type Fate = "sent" | "stored" | "deleting" | "deleted" | "absent";

export interface Sending {
  /** Unique; it travels as the archive's description, by which an archive is known whose id was never received. */
  readonly name: string;
  pieces: Piece[];
  fate: Fate;
  archiveId: string | null;
  /** Read back, whole, since it was stored. */
  readBack: boolean;
}

/** A multipart upload whose initiation was answered. */
export interface OpenUpload {
  readonly uploadId: string;
  readonly sending: Sending;
  readonly partSizeBytes: number;
  /** By part number. `acknowledged` is the last piece that was answered, `unanswered` one that was sent after it. */
  readonly parts: Array<{ readonly planned: Piece; acknowledged: Piece | null; unanswered: Piece | null }>;
  /** Complete was sent: it must succeed, now or when it is sent again. */
  completing: boolean;
  /** One worker at a time continues with an upload. */
  busy: boolean;
}

export class Ledger {
  readonly sendings = new Map<string, Sending>();
  readonly uploads = new Set<OpenUpload>();
  acknowledged = 0;
  #count = 0;

  newPiece(sizeBytes: number): Piece {
    this.#count += 1;
    return { seed: this.#count, sizeBytes };
  }

  newSending(pieces: Piece[]): Sending {
    this.#count += 1;
    const sending: Sending = { name: `sending-${this.#count}`, pieces, fate: "sent", archiveId: null, readBack: false };
    this.sendings.set(sending.name, sending);
    return sending;
  }

  markStored(sending: Sending, archiveId: string): void {
    sending.fate = "stored";
    sending.archiveId = archiveId;
    this.acknowledged += 1;
  }

  withFate(...fates: Fate[]): Sending[] {
    return [...this.sendings.values()].filter(({ fate }) => fates.includes(fate));
  }
}

export const bytesOf = (pieces: readonly Piece[]): Buffer =>
  Buffer.concat(pieces.map(({ seed, sizeBytes }) => contentOf(seed, sizeBytes)));

export const pieceHash = (piece: Piece): string => treeHashOf(bytesOf([piece]));
