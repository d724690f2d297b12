import assert from "node:assert/strict";
import type { Procedure } from "./procedure.ts";

const data = "/var/lib/moraine";
const keyOf = "sed -n 's/^AWS_ACCESS_KEY_ID=//p' /etc/moraine/root-key";

/** Damage, loss and overload. */
export const repairing: readonly Procedure[] = [
  {
    block: "Damaged data 1",
    async given({ machine, vault }) {
      const file = await vault.fileOf("first");
      await machine.done(
        `printf x | dd of=${file} bs=1 seek=1500000 conv=notrunc status=none; rm ${await vault.fileOf("through nginx")}`,
      );
      const { code, stderr } = await vault.run(`moraine retrieve photos --verify-only -- ${vault.idOf("first")}`);
      assert.equal(code, 1);
      assert.match(stderr, /The stored (archive|data) is damaged/);
    },
    code: 1,
    async shows({ vault, output }) {
      assert.match(output, new RegExp(`^segment-file: .*\n.*${vault.idOf("first")}`, "m"));
      assert.match(output, new RegExp(`^segment-missing: .*\n.*${vault.idOf("through nginx")}`, "m"));
    },
  },
  {
    block: "Damaged data 2",
    async shows({ machine, vault }) {
      await machine.done(`ls ${data}/quarantine/*${vault.idOf("first")}.*`);
      for (const name of ["first", "through nginx"]) {
        await machine.done(`cmp ${await vault.fileOf(name)} ${await vault.fileOf(name, "/mnt/backup/moraine")}`);
      }
    },
  },
  {
    block: "Damaged data 3",
    async shows({ vault, output }) {
      assert.match(output, /^no damage found$/m);
      await vault.has("first", "through nginx");
      assert.equal(await vault.done("moraine admin damaged"), "No damage is known.\n");
    },
  },
  {
    block: "Empty the quarantine 1",
    given: async ({ machine }) =>
      void (await machine.done(`touch --date '40 days ago' ${data}/quarantine/old; touch ${data}/quarantine/new`)),
    async shows({ machine, output }) {
      assert.match(output, /^no damage found$/m);
      const left = await machine.done(`ls ${data}/quarantine`);
      assert.match(left, /^new$/m);
      assert.doesNotMatch(left, /^old$/m);
    },
  },
  {
    block: "Lost database 1",
    async given({ machine, vault }) {
      await vault.done(`systemctl stop moraine\nrm ${data}/moraine.db*\nsystemctl start moraine`);
      await machine.done("tail --pid=$(cat /run/moraine.pid) --sleep-interval=0.05 --follow /dev/null");
      assert.match(await machine.done("tail -n 1 /var/log/moraine.log"), /^moraine: .*database/);
    },
    code: 1,
    async shows({ machine, output }) {
      assert.match(output, /^database-rebuilt: /m);
      assert.match(output, /nothing was changed: --apply makes the changes/);
      await machine.done("rm -r /var/lib/moraine-as-found");
    },
  },
  {
    block: "Lost database 2",
    async shows({ vault, output }) {
      assert.match(output, /^no damage found$/m);
      assert.match(output, /\bphotos\b/);
      await vault.has("first", "after the upgrade");
      const { code } = await vault.run(`moraine archive delete photos -- ${vault.idOf("after the deletion")}`);
      assert.equal(code, 5);
    },
  },
  {
    block: "Lost database 3",
    async shows({ vault }) {
      await vault.delete("after the deletion");
      await vault.lacks("after the deletion");
    },
  },
  {
    block: "Lost key 1",
    async shows({ machine, output }) {
      const lines = await machine.done("cat /etc/moraine/root-key");
      for (const line of lines.trim().split("\n")) {
        assert.ok(output.includes(line), `${line} in ${output}`);
      }
    },
  },
  {
    block: "Lost key 2",
    async given({ machine }) {
      await machine.done("cp /etc/moraine/root-key /mnt/elsewhere/earlier-root-key");
    },
    async shows({ machine, vault }) {
      await vault.done("moraine vault list");
      assert.notEqual(
        await machine.done(keyOf),
        await machine.done(keyOf.replace("/etc/moraine/", "/mnt/elsewhere/earlier-")),
      );
      const earlier = await vault.run("set -a; . /mnt/elsewhere/earlier-root-key; moraine vault list");
      assert.equal(earlier.code, 5);
    },
  },
  {
    block: "Lost key 3",
    async shows({ vault }) {
      // The new key is enough from now on.
      await vault.done("systemctl restart moraine\nready\nmoraine vault list");
      await vault.has("first");
    },
  },
  {
    block: "Lost key 4",
    given: async ({ machine }) => void (await machine.done("rm /etc/moraine/sealing-key")),
    async shows({ vault, output }) {
      assert.match(output, /^no damage found$/m);
      await vault.has("first", "through nginx");
    },
  },
  {
    block: "Overload 1",
    async shows({ output }) {
      for (const name of ["connections", "refused_connections_total", "queue_length", "body_memory_bytes"]) {
        assert.match(output, new RegExp(`^moraine_${name}`, "m"));
      }
    },
  },
  {
    block: "Overload 2",
    async shows({ machine }) {
      const settings = await machine.done("tr '\\0' '\\n' < /proc/$(cat /run/moraine.pid)/environ");
      assert.match(settings, /^MORAINE_CONNECTIONS_PER_ADDRESS=1024$/m);
      assert.equal(
        await machine.done(`. "$REPOSITORY/test/system/operating/units.sh"; unit_values moraine LimitNOFILE`),
        "65536\n262144\n",
      );
    },
  },
];
