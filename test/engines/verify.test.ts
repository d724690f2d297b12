import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseDatabaseUrl } from "../../packages/server/src/storage/metadata/postgres/database-url.ts";
import { openPostgresRows } from "../../packages/server/src/storage/metadata/postgres/postgres-rows.ts";
import { packHead } from "../../packages/server/src/storage/metadata/tables/packed.ts";
import { contentOf } from "../support/content.ts";
import { type Cluster, missingCluster, startCluster } from "../support/engines/cluster.ts";
import { underLoad } from "../support/engines/cluster-load.ts";
import { fillService } from "../support/engines/copies.ts";
import { connectDirectly } from "../support/engines/postgres-store.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import {
  namesOf,
  type RowEdit,
  runVerify,
  type Verified,
  verified,
  withEdit,
} from "../support/engines/verifications.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { arn, ids } from "../support/verify/filled-folder.ts";

// `moraine verify` of clusters.

const mebibyte = 1024 ** 2;
const flags = ["--standard-delay", "0", "--inventory-delay", "0", "--expedited-delay", "0"];
const hex = (bytes: Uint8Array): string => `'\\x${Buffer.from(bytes).toString("hex")}'`;
const clean = { code: 0, findings: [] };
const outcome = ({ code, findings }: Verified) => ({ code, findings });

describe("verify of a cluster", { skip: missingCluster() }, () => {
  let cluster: Cluster;
  let look: ReturnType<typeof lookInto>;
  let place: readonly string[];
  let sealed: readonly string[];
  let large = "";

  const run = (...more: string[]) => verified([...sealed, ...more], cluster.place);
  const keyOf = async (owner: string, index = 0) =>
    (await look.keys()).filter((key) => key.includes(`/${owner}.`))[index] ?? "";

  /** Stores other bytes at a key while `during` runs; null removes the object. */
  async function withObject<Result>(
    key: string,
    changed: (bytes: Buffer) => Buffer | null,
    during: () => Promise<Result>,
  ): Promise<Result> {
    const bytes = await look.read(key);
    const other = changed(Buffer.from(bytes));
    await (other === null ? look.remove(key) : look.put(key, other));
    try {
      return await during();
    } finally {
      await look.put(key, bytes);
    }
  }

  before(async () => {
    cluster = await startCluster(2, { flags });
    look = lookInto(cluster.place, cluster.place.endpoint);
    place = ["--database", cluster.databaseUrl, "--blobs", cluster.place.url];
    sealed = [...place, "--sealing-key", cluster.sealingKey];
    const http = new GlacierHttp(cluster.url);
    await fillService(http);
    await http.createVault("large");
    large = await http.uploadArchive("large", contentOf(22, 21 * mebibyte + 17), "large");
    http.close();
  });
  after(async () => {
    look?.close();
    await cluster?.[Symbol.asyncDispose]();
  });

  test("finds nothing while its nodes serve under load, quick and deep", async () => {
    const urls = cluster.nodes.map(({ url }) => url);
    await underLoad(urls, async () => {
      for (let round = 0; round < 10; round += 1) {
        const level = round % 2 === 0 ? "--quick" : "--deep";
        assert.deepEqual(outcome(await run(level)), clean, level);
      }
    });
  });

  describe("after its nodes have stopped", () => {
    before(async () => {
      await Promise.all(cluster.nodes.map((node) => node.stop()));
    });

    test("finds nothing, and counts what it has read", async () => {
      const [quick, deep] = [await run("--quick"), await run("--deep")];
      assert.deepEqual([outcome(quick), outcome(deep)], [clean, clean]);
      await using database = await connectDirectly(cluster.databaseUrl);
      const { rows } = await database.query(
        `select (select count(*) from vaults) as vaults, (select count(*) from archives where deleted_at is null) as archives,
          (select count(*) from segments where state in ('live', 'suspect', 'deleted')) as segments,
          (select sum(size_bytes) from segments where state in ('live', 'suspect', 'deleted')) as bytes,
          (select count(*) from audit_entries) as entries`,
      );
      const [{ vaults, archives, segments, bytes, entries }] = rows;
      for (const { summary } of [quick, deep]) {
        assert.deepEqual(
          [summary["vaults"], summary["archives"], summary["segments"], summary["auditEntries"]].map(String),
          [vaults, archives, segments, entries],
        );
        const { isComplete, hasRowKey, cold } = summary;
        assert.deepEqual({ isComplete, hasRowKey, cold }, { isComplete: true, hasRowKey: true, cold: 0 });
      }
      assert.deepEqual([quick.summary["bytes"], String(deep.summary["bytes"])], [0, bytes]);
      const parts = await Promise.all(["1/2", "2/2"].map((part) => run("--deep", "--subset", part)));
      assert.deepEqual(parts.map(outcome), [clean, clean]);
      const read = parts.map(({ summary }) => Number(summary["bytes"]));
      assert.equal(String((read[0] ?? 0) + (read[1] ?? 0)), bytes);
      const text = await runVerify(sealed, cluster.place);
      assert.deepEqual([text.code, text.stderr], [0, ""]);
      assert.match(
        text.stdout,
        /^no damage found\nchecked \d+ vaults, .*; read from postgres:\/\/\S+, whose nodes may run\n$/,
      );
    });

    test("ends early with --max-duration, and says so", async () => {
      const { code, summary } = await run("--deep", "--max-duration", "0");
      assert.deepEqual([code, summary["isComplete"]], [0, false]);
    });

    /** Edits by SQL, with the findings that name them. */
    const edits: ReadonlyArray<[name: string, edit: () => RowEdit, named: () => readonly string[]]> = [
      [
        "the policy of a lock",
        () => vaultEdit("locked", "set lock_policy = replace(lock_policy, 'Deny', 'Allow')"),
        () => [`row-changed ${arn("locked")}`],
      ],
      [
        "a lock that is taken away",
        () => vaultEdit("locked", "set lock_policy = null, lock_id = null, lock_state = null, lock_created_at = null"),
        () => ["lock-lost -", `row-changed ${arn("locked")}`],
      ],
      ["the tags of a vault", () => vaultEdit("photos", "set tags = '{}'"), () => [`row-changed ${arn("photos")}`]],
      [
        "the size of an archive",
        () => archiveEdit(ids.single, "set size_bytes = size_bytes + 1"),
        () => [
          `archive-coverage ${ids.single}`,
          `row-changed ${arn("photos")}`,
          `row-changed ${ids.single}`,
          `vault-counters ${arn("photos")}`,
        ],
      ],
      [
        "a size that is out of range",
        () => archiveEdit(ids.single, "set size_bytes = 9007199254740993"),
        () => ["database-unreadable -", "database-unreadable -", `row-changed ${arn("photos")}`, "row-changed -"],
      ],
      [
        "the tree hash of an archive",
        () => archiveEdit(ids.other, `set tree_hash = ${hex(new Uint8Array(32))}`),
        () => [`archive-tree-hash ${ids.other}`, `row-changed ${arn("other")}`, `row-changed ${ids.other}`],
      ],
      [
        "an archive's row that is deleted",
        () => archiveEdit(ids.other, null),
        () => [`row-changed ${arn("other")}`, `segment-state ${ids.other}`, `vault-counters ${arn("other")}`],
      ],
      ["a vault's row that is deleted", () => vaultEdit("large", null), () => [`archive-vault ${large}`]],
      [
        "the counter of a vault",
        () => vaultEdit("photos", "set archive_count = archive_count + 1"),
        () => [`row-changed ${arn("photos")}`, `vault-counters ${arn("photos")}`],
      ],
      [
        "a segment's row that is deleted",
        () => segmentEdit(ids.parts, `first_byte = ${mebibyte}`, null),
        () => [`archive-coverage ${ids.parts}`],
      ],
      [
        "the state of a segment",
        () => segmentEdit(ids.parts, "first_byte = 0", "set state = 'suspect'"),
        () => [`row-changed ${ids.parts}`, `segment-suspect ${ids.parts}`],
      ],
      [
        "the part size of an upload",
        () => ({ table: "uploads", key: "id", where: `id = '${ids.upload}'`, set: "set part_size_bytes = 524288" }),
        () => [`row-changed ${uploadArchive}`, `upload-parts ${uploadArchive}`],
      ],
      [
        "the length of an inventory",
        () => ({ table: "jobs", key: "id", where: `id = '${ids.job}'`, set: "set output_size_bytes = 1" }),
        () => [`job-output ${ids.job}`, `row-changed ${ids.job}`],
      ],
      [
        "the count of jobs in progress",
        () => ({ table: "jobs_in_progress", key: "account_id", where: "true", set: "set count = count + 1" }),
        () => ["job-counts -"],
      ],
      [
        "a sealed secret",
        () => ({
          table: "access_keys",
          key: "id",
          where: "id = (select min(id) from access_keys)",
          set: "set sealed_secret = set_byte(sealed_secret, 40, (get_byte(sealed_secret, 40) + 1) % 256)",
        }),
        () => ["row-changed -", "secrets -"],
      ],
      [
        "an entry of the audit trail",
        () => ({ table: "audit_entries", key: "seq", where: "seq = 3", set: "set operation = 'ListVaults'" }),
        () => ["audit-chain -"],
      ],
      [
        "the entry with which a lock was completed",
        () => ({ table: "audit_entries", key: "seq", where: "operation = 'CompleteVaultLock'", set: null }),
        () => ["audit-chain -", `lock-unrecorded ${arn("locked")}`],
      ],
      [
        "the row of the installation",
        () => ({ table: "installation", key: "id", where: "true", set: null }),
        () => ["database-damaged -"],
      ],
      [
        "a range of the scrub",
        () => ({
          table: "scrub_ranges",
          key: "first_byte",
          where: "first_byte = 7",
          set: null,
        }),
        () => ["database-damaged -"],
      ],
    ];
    let uploadArchive = "";
    before(async () => {
      await using database = await connectDirectly(cluster.databaseUrl);
      const { rows } = await database.query("select archive_head from uploads where id = $1", [ids.upload]);
      const names = await look.keys();
      uploadArchive =
        names
          .map((key) => key.slice("segments/ab/cd/".length).split(".")[0] ?? "")
          .find((owner) => Buffer.from(packHead(owner)).equals(rows[0].archive_head)) ?? "";
      assert.notEqual(uploadArchive, "");
    });

    const vaultEdit = (name: string, set: string | null): RowEdit => ({
      ...{ table: "vaults", key: "id", where: `name = '${name}'`, set },
    });
    const archiveEdit = (id: string, set: string | null): RowEdit => ({
      ...{ table: "archives", key: "id_head", where: `id_head = ${hex(packHead(id))}`, set },
    });
    const segmentEdit = (id: string, and: string, set: string | null): RowEdit => ({
      ...{ table: "segments", key: "name", where: `owner_head = ${hex(packHead(id))} and ${and}`, set },
    });

    for (const [name, edit, named] of edits) {
      test(`names an edit: ${name}`, async () => {
        const found = await withEdit(cluster.databaseUrl, edit(), () => run());
        assert.deepEqual(namesOf(found), [...named()].sort(), JSON.stringify(found.findings));
        assert.equal(found.code, 1);
        assert.ok(found.findings.every(({ message, advice }) => message !== "" && advice !== ""));
      });
    }

    test("without the sealing key it checks all but the MACs of rows, and says so", async () => {
      const edit = vaultEdit("locked", "set lock_policy = replace(lock_policy, 'Deny', 'Allow')");
      const { code, findings, summary } = await withEdit(cluster.databaseUrl, edit, () =>
        verified(place, cluster.place),
      );
      assert.deepEqual([code, findings, summary["hasRowKey"]], [0, [], false]);
    });

    for (const [name, level, changed, code, message] of [
      ["that is removed", "--quick", () => null, "segment-missing", /^the segment's object is missing$/],
      ["that is cut", "--quick", (bytes: Buffer) => bytes.subarray(0, -1), "segment-file", /footer/],
      [
        "that is too long",
        "--quick",
        (bytes: Buffer) => Buffer.concat([bytes, bytes]),
        "segment-file",
        /which do not fit/,
      ],
      [
        "of which a byte is changed",
        "--deep",
        flipped,
        "segment-file",
        /^1 of 22 MiB do not have their hash, the first at bytes 3/,
      ],
    ] as const) {
      test(`names an object ${name}`, async () => {
        const object = await keyOf(large);
        const found = await withObject(object, changed, async () => [await run("--quick"), await run(level)] as const);
        const [quick, deep] = found;
        assert.deepEqual(namesOf(deep), [`${code} ${large}`]);
        assert.deepEqual([deep.code, deep.findings[0]?.["object"]], [1, object]);
        assert.match(String(deep.findings[0]?.["advice"]), /^restore the object, under its name/);
        assert.deepEqual(namesOf(quick), level === "--deep" ? [] : namesOf(deep));
        assert.match(String(deep.findings[0]?.["message"]), message);
      });
    }

    test("names an object in the place of another", async () => {
      const [first, second] = [await keyOf(ids.parts, 0), await keyOf(ids.parts, 1)];
      const bytes = await look.read(second);
      const found = await withObject(
        first,
        () => bytes,
        () => run(),
      );
      assert.deepEqual([found.code, namesOf(found)], [1, [`segment-file ${ids.parts}`]]);
    });

    test("ends with 2 and one line when it cannot check", async () => {
      await using folder = await temporaryFolder();
      const otherKey = join(folder.path, "key");
      await writeFile(otherKey, new Uint8Array(32));
      const nowhere = new URL(cluster.databaseUrl);
      nowhere.host = "127.0.0.1:1";
      const { url } = cluster.place;
      const bucket = "s3://none/here?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=us-east-1";
      for (const [args, message] of [
        [
          [...place, "--sealing-key", otherKey],
          /does not open the secrets of postgres:\S+: give the file that its nodes/,
        ],
        [[...place, "--sealing-key", join(folder.path, "none")], /ENOENT/],
        [["--database", String(nowhere), "--blobs", url], /No server of postgres:\S+ can be used/],
        [["--database", cluster.databaseUrl], /It needs the bucket/],
        [["--database", cluster.databaseUrl, "--blobs", bucket], /are not in s3:\/\/none\/here, but in /],
        [[...place, "--mirror", folder.path], /--mirror is for a data folder whose archives are files/],
        [[...place, "--data", folder.path], /exclude each other/],
      ] as const) {
        const { code, stdout, stderr } = await runVerify(args, cluster.place);
        assert.deepEqual([code, stdout], [2, ""], stderr);
        assert.match(stderr, /^moraine: [^\n]+\n$/);
        assert.match(stderr, message);
      }
    });

    test("refuses the target of a copy that is not complete", async () => {
      await using database = await connectDirectly(cluster.databaseUrl);
      await database.query(
        `insert into copy_mark (id, copy_id, state, other, marked_at, is_filled)
          values (1, 'id', 'incomplete', '/var/lib/moraine', 0, false)`,
      );
      const { code, stderr } = await runVerify(sealed, cluster.place).finally(() =>
        database.query("delete from copy_mark"),
      );
      assert.equal(code, 2);
      assert.match(stderr, /is the target of a copy from \/var\/lib\/moraine that is not complete/);
    });

    test("reads one state in a snapshot, once more on a new connection, and can change nothing", async () => {
      await using rows = await openPostgresRows(parseDatabaseUrl(cluster.databaseUrl));
      await using other = await connectDirectly(cluster.databaseUrl);
      const count = async () => (await rows.select("select last_value as count from counted", []))[0]?.["count"];
      await other.query("create sequence counted; create table numbers (number bigint)");
      const numbers = async () => Number((await rows.select("select count(*) as n from numbers", []))[0]?.["n"]);
      let attempts = 0;
      const seen = await rows.snapshot(async () => {
        attempts += 1;
        const before = await numbers();
        await other.query("insert into numbers values (1)");
        if (attempts === 1) {
          const [own] = await rows.select("select pg_backend_pid() as pid", []);
          await other.query("select pg_terminate_backend($1)", [own?.["pid"]]);
        }
        return [before, await numbers()];
      });
      assert.deepEqual([attempts, seen, await numbers()], [2, [1, 1], 2]);
      assert.notEqual(await count(), undefined);
      await assert.rejects(rows.select("delete from numbers", []), /read-only transaction/);
      const [own] = await rows.select("select pg_backend_pid() as pid", []);
      await other.query("select pg_terminate_backend($1)", [own?.["pid"]]);
      assert.deepEqual(await Promise.all([numbers(), numbers()]), [2, 2]);
      await other.query("drop table numbers; drop sequence counted");
    });

    test("finds nothing once all is as it was", async () => {
      assert.deepEqual(outcome(await run("--deep")), clean);
    });
  });
});

function flipped(bytes: Buffer): Buffer {
  bytes[3 * mebibyte] = (bytes[3 * mebibyte] ?? 0) ^ 1;
  return bytes;
}
