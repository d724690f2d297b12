import assert from "node:assert/strict";
import type { Machine } from "../machine.ts";
import type { Procedure } from "./procedure.ts";

const chain = "/etc/ssl/moraine/fullchain.pem";

async function certify(machine: Machine, folder: string): Promise<void> {
  await machine.done(
    `mkdir -p ${folder}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=glacier.example.com \
       -addext subjectAltName=DNS:glacier.example.com -out ${folder}/fullchain.pem -keyout ${folder}/key.pem 2> /dev/null`,
  );
}

const fingerprint = "openssl x509 -noout -fingerprint -sha256";
const served = "openssl s_client -connect 127.0.0.1:443 -servername glacier.example.com < /dev/null 2> /dev/null";

/** From nothing to a service behind nginx that is backed up every night. */
export const installing: readonly Procedure[] = [
  {
    block: "Install the service 1",
    async shows({ machine }) {
      assert.match(await machine.done("moraine --version"), /^\d+\.\d+\.\d+\n$/);
      const modes = await machine.done(
        "stat -c '%a %U %G %s' /etc/moraine /etc/moraine/sealing-key /etc/moraine/root-key",
      );
      assert.match(modes, /^750 root moraine \d+\n440 root moraine 32\n440 root moraine 102\n$/);
    },
  },
  {
    block: "Install the service 2",
    async shows({ machine }) {
      assert.equal(await machine.done("stat -c '%a %U' /var/lib/moraine"), "700 moraine\n");
    },
  },
  {
    block: "The operator's shell 1",
    async shows({ machine, vault }) {
      assert.match(await vault.done("ready"), /"status": ?"ready"/);
      assert.equal(await machine.done("stat -c '%U' /proc/$(cat /run/moraine.pid)"), "moraine\n");
      await vault.create();
      await vault.upload("first", 2);
      await vault.has("first");
    },
  },
  {
    block: "Put nginx in front 1",
    given: ({ machine }) => certify(machine, "/etc/ssl/moraine"),
    async shows({ machine }) {
      assert.equal(await machine.done(`${served} | ${fingerprint}`), await machine.done(`${fingerprint} -in ${chain}`));
    },
  },
  {
    block: "Put nginx in front 2",
    async shows({ vault, output }) {
      assert.match(output, /\{"status":"readable"\}$/);
      // Longer than what nginx takes without a setting, and signed for the name of the host.
      await vault.upload(
        "through nginx",
        3,
        `AWS_CA_BUNDLE=${chain} AWS_ENDPOINT_URL_GLACIER=https://glacier.example.com`,
      );
      await vault.has("through nginx");
    },
  },
  {
    block: "Renew the certificate 1",
    given: ({ machine }) => certify(machine, "/etc/ssl/moraine/renewed"),
    async shows({ machine }) {
      const renewed = await machine.done(`${fingerprint} -in /etc/ssl/moraine/renewed/fullchain.pem`);
      // Workers of nginx take it a moment after the reload.
      await machine.done(
        `for try in {1..50}; do test "$(${served} | ${fingerprint})" != '${renewed.trim()}' || exit 0; sleep 0.1; done; exit 1`,
      );
    },
  },
  {
    block: "Back up every night 1",
    async shows({ output, vault }) {
      assert.match(output, /^the backup \S+ is complete$/m);
      assert.match(output, /^checked 1 backup with 2 segments .*; lengths only/m);
      assert.match(output, /Next elapse: .* 03:15:00/);
      await vault.fileOf("first", "/mnt/backup/moraine");
    },
  },
  {
    block: "Back up every night 2",
    async shows({ machine }) {
      const listed = await machine.done(
        "cd /mnt/elsewhere && stat -c %a moraine-keys.tar && tar --list --file moraine-keys.tar | sort",
      );
      assert.equal(listed, "600\nmoraine/\nmoraine/root-key\nmoraine/sealing-key\n");
    },
  },
  {
    block: "Back up every night 3",
    async shows({ machine, output }) {
      assert.match(output, /^no damage found\nchecked 1 backup with 2 segments .*; every byte read$/m);
      // The server's user may not read this folder: here it is not root, as in other tests of backups.
      await machine.done("chmod 000 /mnt/backup/moraine/expired");
      const backup = "runuser -u moraine -- moraine backup /mnt/backup/moraine --data /var/lib/moraine";
      const { code, stderr } = await machine.run(backup);
      assert.equal(code, 2);
      assert.match(
        stderr,
        /^moraine: the folder \/mnt\/backup\/moraine\/expired cannot be read \(EACCES: .*\): restore its mode and owner\n$/,
      );
      await machine.done("chmod 700 /mnt/backup/moraine/expired");
    },
  },
];
