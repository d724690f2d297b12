import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { UsageError } from "../exit-codes.ts";

/** A key of Ed25519, for signatures that OpenSSL verifies. */
export interface SigningKey {
  /** In PEM, as `openssl pkey -pubout` prints it. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Buffer;
}

const make = "openssl genpkey -algorithm ed25519 -out KEYFILE";

/** Reads a private key. @param name of its file, for messages. Throws UsageError. */
export function readSigningKey(pem: string, name: string): SigningKey {
  const key = parse(() => createPrivateKey(pem), name, `a private key in PEM without a passphrase, as by ${make}`);
  assertEd25519(key, name);
  return {
    publicKey: createPublicKey(key).export({ type: "spki", format: "pem" }).toString(),
    sign: (bytes) => sign(null, bytes, key),
  };
}

/** Reads the public key by which a signature is to be verified; a private key serves as well. Throws UsageError. */
export function readPublicKey(pem: string, name: string): KeyObject {
  const key = parse(
    () => createPublicKey(pem),
    name,
    "a public key in PEM, as openssl pkey -in KEYFILE -pubout prints it",
  );
  assertEd25519(key, name);
  return key;
}

export const isSigned = (bytes: Uint8Array, signature: Uint8Array, key: KeyObject): boolean =>
  verify(null, bytes, key, signature);

/** The SHA-256 of a public key, by which people compare keys: of its DER form, as `openssl pkey -pubin -outform DER | sha256sum`. */
export const fingerprintOf = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");

function parse(read: () => KeyObject, name: string, expected: string): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(`cannot read the key ${name}: expected ${expected}`, { cause });
  }
}

function assertEd25519({ asymmetricKeyType }: KeyObject, name: string): void {
  if (asymmetricKeyType !== "ed25519") {
    throw new UsageError(`the key ${name} is of type ${asymmetricKeyType}, expected ed25519: make one with ${make}`);
  }
}
