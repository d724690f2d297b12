import { LockFile } from "@moraine/client/node";
import type { CommandContext } from "../../context/tools.ts";

/**
 * Keeps other processes from the work on a catalogue that only one may do at a time: two imports would add archives twice, and two rescues
 * request the same jobs. Uploads and deletions need no lock. Throws TransferBusyError while another process has it.
 *
 * @param path of the catalogue, which need not exist. One that was opened before may have been set aside meanwhile: see assertInPlace
 */
export const lockCatalog = (
  path: string,
  { signal, stderr }: Pick<CommandContext, "signal" | "stderr">,
): Promise<LockFile> =>
  LockFile.take(`${path}.lock`, { signal, onWait: (message) => void stderr.write(`moraine: ${message}\n`) });
