import { createClient, streamArchive, TreeHash, uploadArchive } from "../../packages/client/src/node.ts";
import { region, rootKey } from "./server-process.ts";

// One end of a pipe. What it found out it prints as a line of JSON on standard error.

export interface PipeReport {
  readonly archiveId?: string;
  readonly sizeBytes?: number;
  readonly treeHash?: string;
  readonly peakBytes: number;
}

const [role = "", endpoint = "", vaultName = "", archiveId = ""] = process.argv.slice(2);
const connect = () => createClient({ endpoint, region, credentials: rootKey });

const roles: Readonly<Record<string, () => Promise<Omit<PipeReport, "peakBytes">>>> = {
  /** Standard input becomes an archive. */
  async upload() {
    return uploadArchive(await connect(), process.stdin, { vaultName });
  },
  /** An archive goes to standard output. */
  async stream() {
    for await (const bytes of streamArchive(await connect(), { vaultName, archiveId }, { reuseBuffers: true })) {
      await new Promise<void>((resolve, reject) =>
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())),
      );
    }
    return {};
  },
  /** Another implementation than that of transfers. */
  async treehash() {
    const hash = new TreeHash();
    for await (const bytes of process.stdin) {
      await hash.update(bytes);
    }
    return { treeHash: await hash.digest() };
  },
};

const report = await roles[role]?.();
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stderr.write(`${JSON.stringify({ ...report, peakBytes } satisfies PipeReport)}\n`);
