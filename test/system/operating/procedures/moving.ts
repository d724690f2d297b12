import assert from "node:assert/strict";
import type { Procedure } from "./procedure.ts";

const last = (folder: string) => `ls -t ${folder}/moraine.db.before-* | head -n 1`;

/** Folders, versions and disks that are changed for others, and back. */
export const moving: readonly Procedure[] = [
  {
    block: "Restore a backup 1",
    given: ({ vault }) => vault.upload("after the backup"),
    async shows({ machine, vault, output }) {
      assert.match(output, /^no damage found$/m);
      await vault.has("first");
      await vault.lacks("after the backup");
      await machine.done("rm -r /var/lib/moraine-before");
    },
  },
  {
    block: "Upgrade, and go back 1",
    async shows({ machine, vault, output }) {
      assert.match(output, /^the backup \S+ is complete$/m);
      assert.match(output, /ready +yes/);
      assert.match(await machine.done(last("/var/lib/moraine")), /before-0\d{3}-[\w-]+\n$/);
      await vault.has("first");
    },
  },
  {
    block: "Upgrade, and go back 2",
    given: ({ vault }) => vault.upload("after the upgrade"),
    async shows({ machine, vault }) {
      await vault.lacks("after the upgrade");
      // The server is of the present version, so this was another upgrade.
      const repair =
        "runuser -u moraine -- moraine repair /var/lib/moraine --apply --sealing-key /etc/moraine/sealing-key";
      await vault.done(`systemctl stop moraine\n${repair}\nsystemctl start moraine\nready`);
      await vault.has("after the upgrade");
      await machine.done("test -s /var/lib/moraine/newer/moraine.db");
    },
  },
  {
    block: "Move the data folder 1",
    async shows({ machine, vault, output }) {
      assert.match(output, /^no damage found$/m);
      await machine.done(
        "rm -r /var/lib/moraine-old; test $(stat -c %d /var/lib/moraine) = $(stat -c %d /mnt/new-disk)",
      );
      await vault.has("first", "after the upgrade");
    },
  },
  {
    block: "Keep a mirror 1",
    async shows({ machine, vault }) {
      await vault.upload("mirrored", 2);
      const [file, copy] = [
        await vault.fileOf("mirrored"),
        await vault.fileOf("mirrored", "/mnt/second-disk/moraine-mirror"),
      ];
      await machine.done(`cmp ${file} ${copy}`);
      await machine.done(`printf x | dd of=${file} bs=1 seek=1500000 conv=notrunc status=none`);
      await vault.has("mirrored");
      // The scrub does the same within a minute or two: test/mirror.test.ts.
      await machine.done(`cp --archive ${copy} ${file}`);
    },
  },
  {
    block: "Keep a mirror 2",
    async shows({ vault }) {
      await vault.upload("not mirrored");
      await vault.has("mirrored");
    },
  },
];
