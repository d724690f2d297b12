import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { targetContract } from "../contract/target.ts";

targetContract("a folder", async () => {
  const folder = await temporaryFolder(memoryFolder);
  const at = (location: string) => join(folder.path, location);
  return {
    open: () => FolderTarget.open(folder.path, { create: true }),
    intruder: {
      async write(location, bytes) {
        await mkdir(dirname(at(location)), { recursive: true });
        await writeFile(at(location), bytes);
      },
      remove: (location) => rm(at(location)),
      read: (location) => readFile(at(location)),
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});
