import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatContentRange,
  formatRange,
  limits,
  parseContentRange,
  parseRangeHeader,
  parseRetrievalByteRange,
  rangeLength,
} from "@moraine/protocol";
import fc from "fast-check";

const mebibyte = 1_048_576;
const range = (firstByte: number, lastByte: number) => ({ firstByte, lastByte });
const invalid = (message: string) => ({ code: "InvalidParameterValueException", message });

test("a range is printed with both ends, and with its total where it is a header", () => {
  assert.equal(formatRange(range(0, 4_194_303)), "0-4194303");
  assert.equal(formatContentRange(range(0, 1_048_575), 8_388_608), "bytes 0-1048575/8388608");
  assert.equal(rangeLength(range(5, 5)), 1);
  assert.equal(rangeLength(range(0, limits.archiveSizeBytesMax - 1)), limits.archiveSizeBytesMax);
});

const heard: [value: string, firstByte: number, lastByte: number][] = [
  ["bytes=0-0", 0, 0],
  ["bytes=0-99", 0, 99],
  ["bytes=10-20", 10, 20],
  ["bytes=50-1000", 50, 99],
  ["bytes=99-99999999999999999999999999", 99, 99],
  ["bytes=7-", 7, 99],
  ["bytes=0-", 0, 99],
  ["bytes=-1", 99, 99],
  ["bytes=-100", 0, 99],
  ["bytes=-99999999999999999999999999", 0, 99],
  ["bytes=0000000000000000000000000000005-6", 5, 6],
  ["Bytes=1-2", 1, 2],
];

for (const [value, firstByte, lastByte] of heard) {
  test(`${value} asks for ${firstByte} to ${lastByte} of 100 bytes`, () => {
    assert.deepEqual(parseRangeHeader(value, 100), range(firstByte, lastByte));
  });
}

const ignored = [
  undefined,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=5",
  "bytes 0-4194303/235812776",
  "Range: bytes=0-1048575",
  "0-100/493",
  "bytes=0-1,4-5",
  "bytes=5-4",
  "bytes=200-100",
  "bytes=9007199254740993-9007199254740992",
  "lines=0-5",
  "bytes=a-b",
  "bytes=0x1-5",
  "bytes=1e1-20",
  "bytes=-5-9",
  "bytes=+1-2",
  "bytes= 0-5",
  "bytes=0 - 5",
  "bytes=0-5\n",
  "bytes=٠-٥",
];

for (const value of ignored) {
  test(`the Range header ${JSON.stringify(value)} is ignored`, () => {
    assert.equal(parseRangeHeader(value, 100), undefined);
  });
}

for (const value of [
  "bytes=100-200",
  "bytes=100-",
  "bytes=9007199254740993-9007199254740993",
  "bytes=18446744073709551616-",
  "bytes=-0",
]) {
  test(`${value} starts beyond the end of 100 bytes`, () => {
    assert.throws(
      () => parseRangeHeader(value, 100),
      invalid(`The start of the range is larger than size of retrieved data: ${value}`),
    );
  });
}

test("a Range that lies in the output comes back as it is, and one that overruns is cut", () => {
  const offset = fc.maxSafeNat();
  fc.assert(
    fc.property(offset, offset, offset, (a, b, total) => {
      const [first, last] = [Math.min(a, b), Math.max(a, b)];
      fc.pre(first < total);
      const parsed = parseRangeHeader(`bytes=${first}-${last}`, total);
      assert.deepEqual(parsed, range(first, last < total ? last : total - 1));
    }),
  );
});

test("a Content-Range is read as the service writes it in its examples", () => {
  assert.deepEqual(parseContentRange("bytes 0-4194303/*"), range(0, 4_194_303));
  assert.deepEqual(parseContentRange("bytes 16777216-16986930/*"), range(16_777_216, 16_986_930));
  assert.deepEqual(parseContentRange("bytes 5-5/*"), range(5, 5));
  assert.deepEqual(parseContentRange("bytes 0-4194303/16986931"), range(0, 4_194_303));
});

for (const value of [
  "",
  "bytes",
  "bytes=0-4194303/*",
  "bytes 909994937-909994936/*",
  "bytes  0-1/*",
  "0-1/*",
  "bytes 0-1",
  "bytes 0-1/",
  "bytes 0-1/x",
  "bytes -1/*",
  "bytes 0-/*",
  "bytes */5",
  "bytes 0-1/*\n",
  "items 0-1/*",
  "bytes 0-9007199254740992/*",
  "bytes 99999999999999999999-99999999999999999999/*",
]) {
  test(`the Content-Range ${JSON.stringify(value)} is refused`, () => {
    assert.throws(() => parseContentRange(value), invalid(`Invalid Content-Range: ${value}`));
  });
}

const archiveBytes = 4.5 * mebibyte;

for (const [value, firstByte, lastByte] of [
  ["0-1048575", 0, mebibyte - 1],
  ["1048576-4194303", mebibyte, 4 * mebibyte - 1],
  [`0-${archiveBytes - 1}`, 0, archiveBytes - 1],
  [`4194304-${archiveBytes - 1}`, 4 * mebibyte, archiveBytes - 1],
] as const) {
  test(`the range ${value} of 4.5 MiB may be retrieved`, () => {
    assert.deepEqual(parseRetrievalByteRange(value, archiveBytes), range(firstByte, lastByte));
  });
}

for (const value of [
  "",
  "0",
  "0-",
  "-5",
  "0-1048576",
  "0-1048574",
  "1-1048575",
  "1048576-1048575",
  "1048576-0",
  `0-${archiveBytes}`,
  `0-${archiveBytes - 2}`,
  `0-${5 * mebibyte - 1}`,
  `${5 * mebibyte}-${6 * mebibyte - 1}`,
  "bytes=0-1048575",
  "0-1048575 ",
  "0-1048575\n",
  "0 - 1048575",
  "99999999999999999999-99999999999999999999",
]) {
  test(`the range ${JSON.stringify(value)} of 4.5 MiB may not be retrieved`, () => {
    assert.throws(
      () => parseRetrievalByteRange(value, archiveBytes),
      invalid(`Invalid retrieval byte range: ${value}`),
    );
  });
}

test("a range up to the next mebibyte is refused when the archive ends one byte before", () => {
  assert.throws(() => parseRetrievalByteRange("0-1048575", mebibyte - 1), { code: "InvalidParameterValueException" });
});

test("a whole archive of any size may be retrieved by its range", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: limits.archiveSizeBytesMax }), (sizeBytes) => {
      assert.deepEqual(parseRetrievalByteRange(`0-${sizeBytes - 1}`, sizeBytes), range(0, sizeBytes - 1));
    }),
  );
});
