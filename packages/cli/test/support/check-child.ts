import { checkTarget } from "../../src/manifest/check-target.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";

// Checks a folder, to be killed meanwhile: writes the number of sound copies after each.

const [folder = "", journal = ""] = process.argv.slice(2);
await using target = await FolderTarget.open(folder, { create: false });
await checkTarget(target, {
  journal,
  concurrency: 2,
  trustedKey: null,
  signal: new AbortController().signal,
  onFinding: () => undefined,
  onProgress: ({ sound }) => process.stdout.write(`${sound}\n`),
});
