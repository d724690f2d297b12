import { type DecodedName, decodedName } from "../decoded-name.ts";

/**
 * Recognises objects of an Arq backup, whose paths begin with the UUID of a computer and one of these folders, as arq_restore reads them.
 * They are found in vaults into which somebody has copied such a backup. Arq itself writes no descriptions into vaults, as the sources of
 * arqbackup/arq_restore show: its archives have no names but their ids.
 */
export function decodeArq(description: string): DecodedName | null {
  return object.test(description)
    ? decodedName("arq", description, { notes: ["part of an Arq backup, which Arq restores"] })
    : null;
}

const object =
  /(?:^|\/)[\dA-F]{8}-[\dA-F]{4}-[\dA-F]{4}-[\dA-F]{4}-[\dA-F]{12}\/(?:objects|packsets|bucketdata|buckets)\/[\w./-]+$/i;
