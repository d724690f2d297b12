import { hkdfSync, randomBytes } from "node:crypto";
import { invariant } from "../domain/invariant.ts";
import type { RowSecret, SealedAccessKey, SealedKeys, WrappedDataKey } from "../domain/stores/identity-store.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Instant } from "../domain/time/instant.ts";
import { keyLengthBytes, openBox, sealBox } from "./sealed-box.ts";

/** A secret and the key that it belongs to. */
export type PlainSecret = Omit<SealedAccessKey, "sealedSecret"> & { readonly secretAccessKey: string };

/** Seals secrets and opens them. SigV4 needs the secret itself, so a hash of it would not do. */
export interface Keyring {
  seal(secret: PlainSecret): SealedAccessKey;
  /** Throws when the secret was sealed for another access key or account, or was changed. */
  open(sealed: SealedAccessKey): string;
  /** Seals something else. @param boundTo what it is for: it opens for nothing else */
  sealBytes(boundTo: string, content: Uint8Array): Uint8Array;
  /** Throws when it was sealed for something else, or was changed. */
  openBytes(boundTo: string, sealed: Uint8Array): Buffer;
}

export interface KeyringOptions {
  /** 32 bytes that are kept apart from the database: they wrap the data key, which seals the secrets. */
  readonly sealingKey: Buffer;
  /** The key that wrapped the data key until now, if it was another: the data key is wrapped again, and the old one is needed no more. */
  readonly previous: Buffer | null;
  readonly now: Instant;
}

/** The form of a sealed secret is its first byte. Version 1 used the sealing key itself. */
const directVersion = 1;
const version = 2;
const idLengthBytes = 8;
const resealedAtOnce = 500;

/**
 * Opens the data keys of a database, or makes the first. Secrets that an earlier release sealed are sealed again. Rejects,
 * changing nothing, when neither key is the one that the database was written with.
 */
export async function openKeyring(metadata: UnrecordedMetadata, options: KeyringOptions): Promise<Keyring> {
  const unwrapped = openDataKeys(await metadata.dataKeys(), options);
  // Before anything is written: a wrong key must leave no trace.
  const direct = openDirect(await metadata.listUnwrappedSecrets({ limit: resealedAtOnce }), options);
  const keys = unwrapped.filter(({ stale }) => stale).map((key) => wrap(key, options.sealingKey));
  if (keys.length > 0) {
    await metadata.putDataKeys({ keys, now: options.now });
  }
  const keyring = keyringOf(unwrapped);
  for (let secrets = direct; secrets.length > 0; ) {
    await metadata.resealSecrets(secrets.map(keyring.seal));
    secrets = openDirect(await metadata.listUnwrappedSecrets({ limit: resealedAtOnce }), options);
  }
  return keyring;
}

/** Opens secrets with the data keys of a database, newest first, and changes nothing. Throws when the sealing key is another. */
export function openedKeyring(keys: readonly WrappedDataKey[], sealingKey: Buffer): Pick<Keyring, "open"> {
  const unwrapped = keys.map((key) => unwrap(key, { sealingKey, previous: null, now: 0 }));
  return { open: (sealed) => keyringOf(unwrapped).open(sealed) };
}

/** Derives the key of the rows' MACs without changing anything. Throws when the sealing key is not the database's. */
export function openedRowKey(keys: readonly WrappedDataKey[], sealingKey: Buffer): Buffer {
  const [first] = keys.slice(-1).map((key) => unwrap(key, { sealingKey, previous: null, now: 0 }));
  invariant(first !== undefined, "a database with sealed rows has a data key");
  return rowKeyOf(first);
}

const rowKeyPurpose = "moraine-rows/1";

const rowKeyOf = (first: DataKey): Buffer =>
  Buffer.from(hkdfSync("sha256", first.key, "", rowKeyPurpose, keyLengthBytes));

/**
 * Derives the key of the rows' MACs from the first data key: it stays the same when the sealing key is changed. Throws when neither key is
 * the one that the database was written with.
 */
export function openRowSecret({ dataKeys, unwrappedSecrets }: SealedKeys, options: KeyringOptions): RowSecret {
  // A new data key must not be stored under a sealing key that does not open what is there.
  openDirect(unwrappedSecrets, options);
  const first = openDataKeys(dataKeys, options).at(-1);
  invariant(first !== undefined, "a database has a data key, or gets its first");
  const newDataKey = dataKeys.length > 0 ? null : { ...wrap(first, options.sealingKey), createdAt: options.now };
  return { key: rowKeyOf(first), newDataKey };
}

/** The newest first. Makes the first one. */
function openDataKeys(wrapped: readonly WrappedDataKey[], options: KeyringOptions): DataKey[] {
  return wrapped.length > 0
    ? wrapped.map((key) => unwrap(key, options))
    : [{ id: randomBytes(idLengthBytes).toString("hex"), key: randomBytes(keyLengthBytes), stale: true }];
}

interface DataKey {
  readonly id: string;
  readonly key: Buffer;
  /** Not yet wrapped with the sealing key of now. */
  readonly stale: boolean;
}

/** The newest data key comes first, and seals. */
function keyringOf(dataKeys: readonly DataKey[]): Keyring {
  const [newest] = dataKeys as readonly [DataKey, ...DataKey[]];
  const sealBytes = (boundTo: string, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.of(version), Buffer.from(newest.id, "hex"), sealBox(newest.key, boundTo, content)]);
  const opened = (boundTo: string, sealed: Uint8Array, name: string): Buffer => {
    const bytes = Buffer.from(sealed);
    const boxStart = 1 + idLengthBytes;
    const id = bytes.subarray(1, boxStart).toString("hex");
    const dataKey = dataKeys.find((key) => key.id === id);
    if (bytes[0] !== version || dataKey === undefined) {
      throw new Error(`${name} is sealed in a way this version does not know`);
    }
    return openBox(dataKey.key, boundTo, bytes.subarray(boxStart));
  };
  return {
    seal({ secretAccessKey, accessKeyId, accountId }) {
      const boundTo = secretBoundTo(version, { accessKeyId, accountId });
      return { accessKeyId, accountId, sealedSecret: sealBytes(boundTo, Buffer.from(secretAccessKey)) };
    },
    open: (sealed) =>
      opened(
        secretBoundTo(version, sealed),
        sealed.sealedSecret,
        `The secret of access key ${sealed.accessKeyId}`,
      ).toString("utf8"),
    sealBytes,
    openBytes: (boundTo, sealed) => opened(boundTo, sealed, boundTo),
  };
}

function wrap({ id, key }: DataKey, sealingKey: Buffer): WrappedDataKey {
  return { id, wrapped: sealBox(sealingKey, dataKeyBoundTo(id), key) };
}

function unwrap({ id, wrapped }: WrappedDataKey, { sealingKey, previous }: KeyringOptions): DataKey {
  const { content, stale } = openWithEither(wrapped, dataKeyBoundTo(id), { sealingKey, previous });
  return { id, key: content, stale };
}

function openDirect(sealed: readonly SealedAccessKey[], options: KeyringOptions): PlainSecret[] {
  return sealed.map((key) => {
    const boundTo = secretBoundTo(directVersion, key);
    const { content } = openWithEither(Buffer.from(key.sealedSecret).subarray(1), boundTo, options);
    return { accessKeyId: key.accessKeyId, accountId: key.accountId, secretAccessKey: content.toString("utf8") };
  });
}

function openWithEither(
  box: Uint8Array,
  boundTo: string,
  { sealingKey, previous }: Pick<KeyringOptions, "sealingKey" | "previous">,
): { content: Buffer; stale: boolean } {
  for (const key of [sealingKey, previous]) {
    try {
      if (key !== null) {
        return { content: openBox(key, boundTo, box), stale: key !== sealingKey };
      }
    } catch {
      // It may be the other one.
    }
  }
  throw new Error(
    "The sealing key is not the one that the database's secrets were sealed with; restore it, or give the old one as --previous-sealing-key",
  );
}

/** A box that is moved to another row does not open. */
const secretBoundTo = (form: number, { accessKeyId, accountId }: Omit<SealedAccessKey, "sealedSecret">): string =>
  `${form}/${accountId}/${accessKeyId}`;
const dataKeyBoundTo = (id: string): string => `moraine-data-key/1/${id}`;
