import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type AuditAnchor, anchorText, type ChainPlace, formatMilliseconds } from "@moraine/protocol";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";

/** Signs heads of the trail, so that whoever keeps them can tell later whether an entry is missing at its end. */
export type SignHead = (head: ChainPlace) => AuditAnchor;

export interface AnchorOptions {
  readonly metadata: Pick<MetadataStore, "auditState" | "addAuditKey">;
  /** Seals the signing key at rest. */
  readonly keyring: {
    sealBytes(boundTo: string, content: Uint8Array): Uint8Array;
    openBytes(boundTo: string, sealed: Uint8Array): Buffer;
  };
  readonly accountId: string;
  readonly region: string;
  now(): Instant;
}

const boundTo = "moraine-audit-key/1";

/** Opens the key that signs anchors, or makes it: it stays the same for as long as the database. */
export async function openAnchorSigner(options: AnchorOptions): Promise<SignHead> {
  const { accountId, region, now } = options;
  const key = await signingKey(options);
  const PublicKey = String(createPublicKey(key).export({ format: "jwk" }).x);
  return ({ sequence, hash }) => {
    const Time = formatMilliseconds(new Date(now()));
    const unsigned = { Sequence: sequence, Hash: hash, Time, AccountId: accountId, Region: region };
    const signature = sign(null, Buffer.from(anchorText(unsigned)), key);
    return { ...unsigned, PublicKey, Signature: signature.toString("base64url") };
  };
}

async function signingKey({ metadata, keyring }: AnchorOptions): Promise<KeyObject> {
  const { sealedKey } = await metadata.auditState({});
  if (sealedKey !== null) {
    return createPrivateKey({ key: keyring.openBytes(boundTo, sealedKey), format: "der", type: "pkcs8" });
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  const sealed = keyring.sealBytes(boundTo, privateKey.export({ format: "der", type: "pkcs8" }));
  await metadata.addAuditKey({ sealed });
  return privateKey;
}
