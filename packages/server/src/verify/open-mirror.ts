import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { markedId, mirrorMarkerName } from "../storage/mirror-folder.ts";
import { CannotVerifyError } from "./open-folder.ts";

/** Whether the copies of a folder's mirror are read too. */
export type MirrorState =
  | { readonly state: "none" }
  /** The folder has one, but nobody said where it is mounted. */
  | { readonly state: "unread" }
  | { readonly state: "read"; readonly path: string };

/** Finds the mirror, and refuses another folder's: each of its segments would be a finding. */
export async function openMirror(dataFolder: string, given: string | null): Promise<MirrorState> {
  const id = await markedId(dataFolder);
  if (given === null) {
    return { state: id === null ? "none" : "unread" };
  }
  const path = await realpath(resolve(given)).catch((error: Error) => {
    throw new CannotVerifyError(`The mirror ${given} cannot be opened: ${error.message}`, { cause: error });
  });
  const mirrorId = await markedId(path);
  if (mirrorId === null || mirrorId !== id) {
    const reason =
      mirrorId === null ? `it has no ${mirrorMarkerName}, so mount its disk` : "it belongs to another data folder";
    throw new CannotVerifyError(`${path} is not the mirror of ${dataFolder}: ${reason}`);
  }
  await readdir(join(path, "blobs")).catch((error: Error) => {
    throw new CannotVerifyError(`The mirror ${path} cannot be read: ${error.message}`, { cause: error });
  });
  return { state: "read", path };
}
