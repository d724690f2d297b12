/** The head of an audit trail at some time, signed with Ed25519: later the trail must still hold this entry. */
export interface AuditAnchor {
  readonly Sequence: number;
  /** Hash of the entry with this sequence number; lower-case hex. */
  readonly Hash: string;
  /** ISO 8601. */
  readonly Time: string;
  /** The operator's. */
  readonly AccountId: string;
  readonly Region: string;
  /** 32 bytes in base64url. */
  readonly PublicKey: string;
  /** 64 bytes in base64url, over `anchorText`. */
  readonly Signature: string;
}

export type UnsignedAnchor = Omit<AuditAnchor, "PublicKey" | "Signature">;

/** The text that is signed. */
export const anchorText = ({ Sequence, Hash, Time, AccountId, Region }: UnsignedAnchor): string =>
  ["moraine-audit-anchor/1", AccountId, Region, Sequence, Hash, Time].join("\n");

const texts = ["Hash", "Time", "AccountId", "Region", "PublicKey", "Signature"] as const;

/** Reads an anchor from its JSON. Returns null for a text that is none; its signature is not checked. */
export function parseAnchor(text: string): AuditAnchor | null {
  try {
    const anchor = JSON.parse(text) as AuditAnchor;
    const isAnchor = Number.isSafeInteger(anchor.Sequence) && texts.every((name) => typeof anchor[name] === "string");
    return isAnchor ? anchor : null;
  } catch {
    return null;
  }
}
