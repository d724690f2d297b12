import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { openTarget } from "../targets/open-target.ts";
import type { Target } from "../targets/target.ts";
import { stateFile } from "../transfers/upload-state.ts";

/** A manifest, and the target that has its copies. */
export interface ManifestSource extends AsyncDisposable {
  /** Reads the manifest from its beginning. */
  read(): AsyncIterable<Uint8Array>;
  readonly target: Target;
}

const manifestName = "MANIFEST.jsonl";

/**
 * Opens a manifest: the file MANIFEST.jsonl, or the target that has it and the copies.
 *
 * @param targetName the target that has the copies. @default the folder of the manifest
 */
export async function openManifest(
  tools: CommandContext,
  name: string,
  targetName: string | undefined,
): Promise<ManifestSource> {
  const isFile = !isUrl(name) && (await isRegularFile(tools, name));
  if (isFile && basename(name) !== manifestName && targetName === undefined) {
    throw new UsageError(
      `${name} is not named ${manifestName}: name the target that has its copies with --target, or the target alone`,
    );
  }
  const target = await openTarget(targetName ?? (isFile ? dirname(name) : name), {
    environment: tools.environment,
    pathOf: tools.pathOf,
    stateFolder: dirname(stateFile(tools, "targets", [])),
    ca: tools.options().ca,
    create: false,
  });
  const read = isFile ? () => createReadStream(tools.pathOf(name)) : () => documentOf(target, name);
  return { read, target, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
}

async function* documentOf(target: Target, name: string): AsyncGenerator<Uint8Array, void, void> {
  const document = await target.documents.read(manifestName);
  if (document === null) {
    throw new UsageError(`${name} has no ${manifestName}: nothing was rescued there`);
  }
  yield* document;
}

const isUrl = (name: string) => /^(s3:\/\/|vault:)/.test(name);

async function isRegularFile({ pathOf }: CommandContext, name: string): Promise<boolean> {
  const found = await stat(pathOf(name)).catch((cause: Error) => {
    throw new UsageError(`cannot read the manifest ${name}: ${cause.message}`, { cause });
  });
  if (!(found.isDirectory() || found.isFile())) {
    throw new UsageError(`the manifest ${name} is read several times, and a pipe has its bytes only once: name a file`);
  }
  return found.isFile();
}
