import assert from "node:assert/strict";
import { test } from "node:test";
import { TreeHash as PortableTreeHash } from "@moraine/client";
import { TreeHash as NodeTreeHash } from "@moraine/client/node";
import { contentOf, treeHashOf } from "../../../test/support/content.ts";

const mebibyte = 1024 ** 2;
const kinds = { portable: PortableTreeHash, "Node's": NodeTreeHash };

for (const [kind, TreeHash] of Object.entries(kinds)) {
  const hashOf = async (bytes: Uint8Array, pieceBytes = bytes.length || 1) => {
    const hash = new TreeHash();
    const piece = new Uint8Array(pieceBytes);
    for (let start = 0; start < bytes.length; start += pieceBytes) {
      const given = bytes.subarray(start, start + pieceBytes);
      // One buffer for all pieces, as when files are read.
      piece.set(given);
      await hash.update(piece.subarray(0, given.length));
    }
    return hash.digest();
  };

  test(`${kind} tree hash is the guide's, whatever the size and the pieces`, async () => {
    for (const sizeBytes of [1, mebibyte - 1, mebibyte, mebibyte + 1, 3 * mebibyte, 7 * mebibyte + 5]) {
      const bytes = contentOf(sizeBytes, sizeBytes);
      for (const pieceBytes of [65_536, 1_000_003, mebibyte, 2 * mebibyte + 1, sizeBytes]) {
        assert.equal(await hashOf(bytes, pieceBytes), treeHashOf(bytes), `${sizeBytes} in pieces of ${pieceBytes}`);
      }
    }
  });

  test(`${kind} tree hash of nothing is the hash of nothing`, async () => {
    assert.equal(await new TreeHash().digest(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test(`${kind} tree hash of an archive comes from those of its parts`, async () => {
    const bytes = contentOf(1, 11 * mebibyte + 7);
    for (const partBytes of [mebibyte, 2 * mebibyte, 4 * mebibyte, 16 * mebibyte]) {
      const parts = Array.from({ length: Math.ceil(bytes.length / partBytes) }, (_, part) =>
        treeHashOf(bytes.subarray(part * partBytes, (part + 1) * partBytes)),
      );
      assert.equal(await TreeHash.ofParts(parts), treeHashOf(bytes), `parts of ${partBytes}`);
    }
    await assert.rejects(TreeHash.ofParts([]), TypeError);
    await assert.rejects(TreeHash.ofParts(["no hash"]), TypeError);
  });
}
