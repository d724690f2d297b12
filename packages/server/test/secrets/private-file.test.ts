import assert from "node:assert/strict";
import { chmod, chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { readPrivateFile } from "../../src/secrets/private-file.ts";

const somebody = 12345;

test("a secret is read from a file for its owner alone, and refused when others may read or write it", {
  skip: process.getuid?.() === 0 ? false : "only root can give files away",
}, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "secret");
  await writeFile(path, "content");
  for (const [owner, modes, isRead] of [
    [0, [0o600, 0o400, 0o640, 0o440, 0o700], true],
    [0, [0o644, 0o604, 0o660, 0o620, 0o602, 0o666, 0o777, 0o601], false],
    [somebody, [0o600, 0o400], true],
    [somebody, [0o640, 0o440, 0o644, 0o604, 0o602, 0o606], false],
  ] as const) {
    for (const mode of modes) {
      await chown(path, owner, owner);
      await chmod(path, mode);
      const text = `mode ${mode.toString(8)} of ${owner}`;
      if (isRead) {
        assert.equal(readPrivateFile(path).toString(), "content", text);
      } else {
        const message = new RegExp(`${path} holds a secret.*\\(mode 0${mode.toString(8)}\\): chmod 600 ${path}`);
        assert.throws(() => readPrivateFile(path), message, text);
      }
    }
  }
});
