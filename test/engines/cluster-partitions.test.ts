import assert from "node:assert/strict";
import { test } from "node:test";
import { missingCluster } from "../support/engines/cluster.ts";
import { missingNetwork, type Way } from "../support/engines/network-cuts.ts";
import { runPartitions } from "../support/engines/partitions.ts";

const ways: readonly Way[] = ["both ways", "to the engine", "from the engine"];
const rounds = Number(process.env["PARTITIONS"] ?? ways.length);

test(`nodes that are cut off from the database or the store ${rounds} times say so, lose nothing, and return by themselves`, {
  skip: missingCluster() || missingNetwork(),
  timeout: 120_000 + rounds * 240_000,
}, async (context) => {
  const result = await runPartitions(
    Array.from({ length: rounds }, (_, round) => ways[round % ways.length] ?? "both ways"),
  );
  for (const { way, database, store, others } of result.rounds) {
    context.diagnostic(JSON.stringify({ way, database, store, others }));
    assert.ok(
      database.notReadySeconds <= 16,
      `${way}: without its database a node was ready for ${database.notReadySeconds} s`,
    );
    assert.equal(database.status, 500);
    assert.ok(database.refusedSeconds <= 35);
    assert.ok(store.notReadySeconds <= 60, `${way}: without its store a node was ready for ${store.notReadySeconds} s`);
    assert.equal(store.status, 503);
    assert.ok(store.refusedSeconds <= 2);
    for (const { readySeconds, statusAfterwards, backSeconds } of [database, store]) {
      assert.ok(readySeconds <= 12, `${way}: ready ${readySeconds} s after the cut`);
      assert.equal(statusAfterwards, 201);
      assert.ok(backSeconds <= 15);
    }
    assert.equal(others.stored, others.of);
    assert.ok(others.slowestSeconds <= 15);
  }
  context.diagnostic(JSON.stringify(result.calls));
});
