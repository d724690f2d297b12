import assert from "node:assert/strict";
import type { Procedure } from "./procedure.ts";

const disk = "/mnt/new-disk";

/** States of the service, and a disk that is full. */
export const states: readonly Procedure[] = [
  {
    block: "States of the service 1",
    async shows({ output }) {
      assert.match(output, /^\{"status":"ready"[,}]/);
      assert.match(output, /ready +yes/);
    },
  },
  {
    block: "Disk full 1",
    async given({ machine, vault }) {
      await vault.upload("large", 30);
      await machine.done(`cat /dev/zero > ${disk}/filler 2> /dev/null || true; test $(stat -f -c %a ${disk}) = 0`);
      const refused = await vault.run("moraine --retry-for 0 upload photos /mnt/elsewhere/first");
      assert.match(refused.stderr, /storage is full/);
    },
    async shows({ vault, output }) {
      assert.match(output, /ready +no: read-only: disk full/);
      assert.match(output, / 100% \/var\/lib\/moraine\n/);
      assert.match(output, /\/var\/lib\/moraine\/blobs\n/);
      await vault.has("first");
    },
  },
  {
    block: "Disk full 2",
    given: ({ vault }) => vault.delete("large"),
    async shows({ vault }) {
      // More than the ballast would make room for.
      await vault.upload("after the deletion", 8);
      await vault.lacks("large");
    },
  },
  {
    block: "Disk full 3",
    given: async ({ machine }) => void (await machine.done(`rm ${disk}/filler`)),
    async shows({ machine, vault }) {
      const environment = "tr '\\0' '\\n' < /proc/$(cat /run/moraine.pid)/environ";
      assert.doesNotMatch(await machine.done(environment), /GRACE/);
      await vault.has("after the deletion");
    },
  },
];
