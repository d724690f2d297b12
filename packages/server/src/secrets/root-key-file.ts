import { existsSync } from "node:fs";
import { readPrivateFile } from "./private-file.ts";

/** An access key as it lies in a file. */
export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** In a form that a shell reads with `.`, and that `readRootKey` takes. */
export function rootKeyLines({ accessKeyId, secretAccessKey }: RootKey): string[] {
  return [`export AWS_ACCESS_KEY_ID=${accessKeyId}`, `export AWS_SECRET_ACCESS_KEY=${secretAccessKey}`];
}

/** Null when there is no file yet. Also takes the form of AWS's credentials files; throws unless there is exactly one key. */
export function readRootKey(path: string): RootKey | null {
  if (!existsSync(path)) {
    return null;
  }
  const text = readPrivateFile(path).toString("utf8");
  const [accessKeyId, ...otherIds] = valuesOf("aws_access_key_id", text);
  const [secretAccessKey, ...otherSecrets] = valuesOf("aws_secret_access_key", text);
  if (accessKeyId === undefined || secretAccessKey === undefined || otherIds.length + otherSecrets.length > 0) {
    throw new Error(`${path} must hold one key, as lines AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…`);
  }
  return { accessKeyId, secretAccessKey };
}

function valuesOf(name: string, text: string): string[] {
  const assignment = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*(\\S+)\\s*$`, "gim");
  return [...text.matchAll(assignment)].map(([, value = ""]) => value);
}
