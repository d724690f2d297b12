import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { GlacierClient } from "@moraine/client";
import type { Catalog } from "../catalog/catalog.ts";
import { bind } from "../catalog/opening/bind-to-vault.ts";
import { type CatalogOptions, catalogPath } from "../catalog/opening/catalog-path.ts";
import { existingVault } from "../catalog/opening/existing-vault.ts";
import { isAws } from "../context/service-facts.ts";
import type { CommandContext, Transfer } from "../context/tools.ts";
import type { DescriptionFormat } from "../names/file-description.ts";
import { type PaceOptions, paceOf } from "../transfers/transfer-options.ts";
import { prepareFolderOf, uploadJournalPath } from "../transfers/upload-state.ts";
import { type FileCounts, FilesProgress } from "./files-progress.ts";
import { KeyedTurns } from "./keyed-turns.ts";
import { fileRules, type RuleOptions } from "./local/file-rules.ts";
import type { LocalEntry } from "./local/local-entry.ts";
import { ownFilesOf } from "./local/own-files.ts";
import { amountOf, type NamedSources, type Sources, sourcesOf } from "./local/sources.ts";
import { ManifestFile } from "./manifest-file.ts";
import { openOrCreateCatalog } from "./open-or-create.ts";
import { listUnlisted } from "./record-archive.ts";
import { sendEntry } from "./send-file.ts";
import type { Sending } from "./sending.ts";

export interface SendOptions extends CatalogOptions, PaceOptions, RuleOptions {
  readonly descriptionFormat: DescriptionFormat;
  readonly manifest?: string;
  readonly quick?: true;
  readonly resendUnknown?: true;
}

export type Watched = Parameters<Transfer<object>>[0];

const concurrencyDefault = 4;

/** Sends all files to the vault that it does not have. Throws errors that concern all files; what became of each is an event. */
export async function sendFiles(
  tools: CommandContext,
  vaultName: string,
  named: NamedSources,
  options: SendOptions,
  { signal, onEvent }: Watched,
): Promise<FileCounts> {
  const { LockFile, inParallel } = await import("@moraine/client/node");
  // Refuses a name that no vault can have.
  catalogPath(tools, vaultName, options);
  const client = await tools.client();
  const vault = await existingVault(client, vaultName, signal);
  await using opened = new AsyncDisposableStack();
  const catalog = opened.use(openOrCreateCatalog(tools, vaultName, options));
  if (vault !== null) {
    bind(catalog, vault);
  }
  const onWait = (message: string) => onEvent({ kind: "warning", code: "lock-unseen", message });
  const locks: AbortSignal[] = [];
  for (const path of await lockPaths(tools, vaultName, catalog)) {
    locks.push(opened.use(await LockFile.take(path, { signal, onWait })).lost);
  }
  const sending = await openSending(tools, { vaultName, client, catalog, opened, onEvent }, options);
  const rules = fileRules(options, await ownFilesOf(tools, vaultName, options));
  const sources = await sourcesOf(tools, named, rules);
  await listUnlisted(sending);
  const ending = AbortSignal.any([signal, ...locks]);
  await using _ = countInBackground(sources, sending.progress, ending);
  const send: Parameters<typeof inParallel<LocalEntry>>[2] = (entry, stopped) => sendEntry(sending, entry, stopped);
  await inParallel(sources.entries(ending), sending.concurrency, send, ending);
  rules.match?.assertUsed(onEvent);
  return sending.progress.counts;
}

/** One for the vault, so that two catalogues do not send the same files, and one for the catalogue, if it is not the vault's own. */
async function lockPaths(tools: CommandContext, vaultName: string, catalog: Catalog): Promise<readonly string[]> {
  const own = catalogPath(tools, vaultName, {});
  await prepareFolderOf(own);
  const paths = await Promise.all([own, catalog.path].map(realPath));
  return [...new Set(paths)].map((path) => `${path}.send.lock`);
}

/** The file need not exist. */
const realPath = async (path: string): Promise<string> => join(await realpath(dirname(path)), basename(path));

interface Opened {
  readonly vaultName: string;
  readonly client: GlacierClient;
  readonly catalog: Catalog;
  readonly opened: AsyncDisposableStack;
  readonly onEvent: Watched["onEvent"];
}

async function openSending(
  tools: CommandContext,
  { vaultName, client, catalog, opened, onEvent }: Opened,
  options: SendOptions,
): Promise<Sending> {
  const { DigestPool } = await import("@moraine/client/node");
  const { manifest, descriptionFormat: format, quick = false, resendUnknown = false } = options;
  const { bandwidth, concurrency = concurrencyDefault } = await paceOf(options);
  const journalOf = (file: string) => uploadJournalPath(tools, vaultName, `send ${file}`);
  await prepareFolderOf(journalOf(""));
  return {
    client,
    vaultName,
    catalog,
    manifest: manifest === undefined ? null : opened.use(await ManifestFile.open(tools.pathOf(manifest))),
    format,
    isQuick: quick,
    resendsUnknown: resendUnknown,
    isAws: await isAws(client),
    pool: opened.use(new DigestPool()),
    bandwidth,
    concurrency: Math.min(concurrency, bandwidth?.connectionsMax ?? concurrency),
    turns: new KeyedTurns(),
    lostResponses: 0,
    progress: new FilesProgress(onEvent),
    now: tools.now,
    journalOf,
  };
}

/** Counts all files while the first are sent. Disposing of it ends the count. */
function countInBackground(sources: Sources, progress: FilesProgress, signal: AbortSignal): AsyncDisposable {
  const stop = new AbortController();
  const counting = sources.isRepeatable
    ? amountOf(sources, AbortSignal.any([signal, stop.signal])).then(
        (total) => progress.totalKnown(total),
        // The files are looked at again, which shows what is wrong.
        () => undefined,
      )
    : Promise.resolve();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await counting;
    },
  };
}
