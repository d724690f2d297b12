import { closeSync, fstatSync, openSync, readFileSync, type Stats } from "node:fs";

/**
 * Reads a file that holds a secret. Throws when other users of the machine may read or change it: then it is no secret, and
 * only its owner can say whether it was read already. A group may read what root owns, as key files of services are installed.
 */
export const readPrivateFile = (path: string): Buffer =>
  readJudged(path, (stats) =>
    isOpenToOthers(stats)
      ? `holds a secret, and other users may read or change it (mode ${modeOf(stats)}): chmod 600 ${path}, and replace the ` +
        "secret if anyone could have read it"
      : null,
  );

/** Reads a file by which the service is set. Throws when any user of the machine may change it. */
export const readSettingsFile = (path: string): Buffer =>
  readJudged(path, (stats) =>
    (stats.mode & 0o002) === 0
      ? null
      : `sets the service, and any user may change it (mode ${modeOf(stats)}): chmod go-w ${path}`,
  );

/** Judges the file that is read, and none that takes its place in between. Pipes and devices have modes of other meaning. */
function readJudged(path: string, faultOf: (stats: Stats) => string | null): Buffer {
  const file = openSync(path, "r");
  try {
    const stats = fstatSync(file);
    const fault = stats.isFile() ? faultOf(stats) : null;
    if (fault !== null) {
      throw new Error(`${path} ${fault}`);
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, "0");

const isOpenToOthers = ({ mode, uid }: Stats): boolean => (mode & (uid === 0 ? 0o037 : 0o077)) !== 0;
