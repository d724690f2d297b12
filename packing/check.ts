import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lint, pack } from "./pack.ts";

const folder = await mkdtemp(join(tmpdir(), "moraine-packed-"));
try {
  for (const tarball of await pack(folder)) {
    await lint(tarball);
    console.log(`${tarball.name}: nothing is said against it`);
  }
} finally {
  await rm(folder, { recursive: true });
}
