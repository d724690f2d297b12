import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { writeTrailLog } from "../../src/audit/trail-log.ts";
import { createVault } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer } from "../support/server.ts";

test("an entry whose time was changed to none does not keep later entries from the log", async () => {
  const folder = await mkdtemp(join(tmpdir(), "trail-log-test-"));
  const path = join(folder, "moraine.db");
  const metadata = await openInlineStore(path);
  const server = await startTestServer({ metadata });
  try {
    await createVault(server, "first");
    await createVault(server, "second");
    using database = new DatabaseSync(path);
    database.exec("UPDATE audit_entries SET time = 9000000000000000 WHERE seq = 1");
    const lines: string[] = [];
    await writeTrailLog(metadata, {
      append: async (text) => void lines.push(...text.trimEnd().split("\n")),
      reopen: () => undefined,
      close: async () => undefined,
    });
    const entries = lines.map((line) => JSON.parse(line) as { Time: string; Vault: string | null });
    assert.equal(entries[0]?.Time, "invalid");
    assert.match(entries.at(-1)?.Vault ?? "", /second$/);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
