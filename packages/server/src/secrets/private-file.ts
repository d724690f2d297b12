import { closeSync, fstatSync, openSync, readFileSync, type Stats } from "node:fs";

/**
 * Reads a file that holds a secret. Throws when other users of the machine may read or change it: then it is no secret, and
 * only its owner can say whether it was read already. A group may read what root owns, as key files of services are installed.
 */
export function readPrivateFile(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const stats = fstatSync(file);
    if (stats.isFile() && isOpenToOthers(stats)) {
      const mode = (stats.mode & 0o7777).toString(8).padStart(4, "0");
      throw new Error(
        `${path} holds a secret, and other users may read or change it (mode ${mode}): chmod 600 ${path}, and replace the secret ` +
          "if anyone could have read it",
      );
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

const isOpenToOthers = ({ mode, uid }: Stats): boolean => (mode & (uid === 0 ? 0o037 : 0o077)) !== 0;
