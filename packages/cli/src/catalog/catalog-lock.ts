import { LockFile } from "@moraine/client/node";

/**
 * Keeps other processes from the work on a catalogue that only one may do at a time: two imports would add archives twice, and two rescues
 * request the same jobs. Uploads and deletions need no lock. Throws TransferBusyError while another process has it.
 *
 * @param path of the catalogue, which need not exist
 */
export const lockCatalog = (path: string, signal: AbortSignal): Promise<LockFile> =>
  LockFile.take(`${path}.lock`, { signal });
