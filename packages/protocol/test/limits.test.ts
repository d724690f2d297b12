import assert from "node:assert/strict";
import { test } from "node:test";
import { isDescription, isPartSize, limits } from "@moraine/protocol";

test("the greatest archive is ten thousand of the greatest parts", () => {
  assert.equal(limits.archiveSizeBytesMax, 42_949_672_960_000);
  assert.equal(limits.archiveSizeBytesMax, limits.partCountMax * limits.partSizeBytesMax);
});

test("part sizes are the thirteen powers of two from 1 MiB to 4 GiB", () => {
  const powers = Array.from({ length: 64 }, (_, exponent) => 2 ** exponent);
  assert.deepEqual(powers.filter(isPartSize), powers.slice(20, 33));
});

test("nothing between or next to the powers of two is a part size", () => {
  for (const size of [
    0,
    -1_048_576,
    1_048_575,
    1_048_577,
    3_145_728,
    4_294_967_295,
    4_294_967_297,
    2 ** 20 + 0.5,
    Number.NaN,
    Infinity,
  ]) {
    assert.equal(isPartSize(size), false, String(size));
  }
});

test("a description holds up to 1,024 printable ASCII characters", () => {
  assert.equal(isDescription(""), true);
  assert.equal(isDescription("~".repeat(1024)), true);
  assert.equal(isDescription("~".repeat(1025)), false);
  for (let code = 0; code < 0x300; code += 1) {
    assert.equal(
      isDescription(`a${String.fromCharCode(code)}`),
      code >= 0x20 && code <= 0x7e,
      `0x${code.toString(16)}`,
    );
  }
});
