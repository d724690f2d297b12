import { resolve } from "node:path";
import { readPrivateFile } from "./private-file.ts";
import { readRootKey } from "./root-key-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A secret of the environment. `NAME_FILE` names a file with the value, as containers and service managers pass secrets; the
 * line end that an editor leaves is no part of it. Throws when both are given, or the file cannot be used.
 */
export function secretOf(name: string, environment: Environment, base: string): string | undefined {
  const { [name]: value, [`${name}_FILE`]: path } = environment;
  if (path === undefined) {
    return value;
  }
  if (value !== undefined) {
    throw new Error(`${name} and ${name}_FILE cannot be given together`);
  }
  return readPrivateFile(resolve(base, path))
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

interface RootKeySettings {
  readonly rootId?: string | undefined;
  readonly rootSecret?: string | undefined;
}

/** The root's key of a file, as settings: it counts as if it stood in the environment, where there must be none then. */
export function rootKeyOf({ rootId, rootSecret }: RootKeySettings, path: string | null): RootKeySettings {
  const key = path === null ? null : readRootKey(path);
  if (key === null) {
    return {};
  }
  if (rootId !== undefined || rootSecret !== undefined) {
    throw new Error(`The root's key is given twice: in the environment, and in ${path}`);
  }
  return { rootId: key.accessKeyId, rootSecret: key.secretAccessKey };
}
