import { contentOf, treeHashOf } from "../../support/content.ts";
import type { Call, Content, Denial } from "../../support/history/calls.ts";
import type { Random } from "../../support/random.ts";

/** Calls that are made one after another, and then, all at once, calls that contradict each other. */
export interface Race {
  readonly before: readonly Call[];
  readonly atOnce: readonly Call[];
}

interface Start {
  readonly vault: string;
  readonly random: Random;
}

export type Kind = (start: Start) => Race;

const mebibyte = 1024 ** 2;
const daySeconds = 24 * 3600;
const archive = "one";
const noDeletions = { denies: ["DeleteArchive"] } as const satisfies Denial;
const hold = { key: "hold", value: "yes" } as const;

/** The races whose clock stands still. */
export const kinds = {
  "complete, complete": ({ vault, random }) => {
    const { before, complete } = openUpload(vault);
    const other: Call = { ...complete, ...sent(99) };
    return { before, atOnce: shuffled(random, [...times(random, 2, 6, complete), ...times(random, 0, 1, other)]) };
  },
  "complete, abort": ({ vault, random }) => {
    const { before, complete } = openUpload(vault);
    const abort: Call = { op: "AbortMultipartUpload", vault, archive };
    const list: Call = { op: "ListParts", vault, archive };
    return {
      before,
      atOnce: shuffled(random, [
        ...times(random, 1, 3, complete),
        ...times(random, 1, 3, abort),
        ...times(random, 0, 6, list),
      ]),
    };
  },
  "part, complete": ({ vault, random }) => {
    const { before, complete } = openUpload(vault);
    const part = { op: "UploadMultipartPart", vault, archive, firstByte: 0 } as const;
    const withOther: Call = { op: "CompleteMultipartUpload", vault, archive, ...contentIn(sent(2)) };
    const parts = [1, 2, 1, 2, 1, 2].map((seed): Call => ({ ...part, ...sent(seed) }));
    return { before, atOnce: shuffled(random, [...parts, complete, withOther, complete, withOther]) };
  },
  "delete, retrieve": ({ vault, random }) => {
    const jobs = Array.from({ length: random.whole(1, 3) }, (_, number) => `job${number}`);
    const initiations = jobs.map((job): Call => ({ op: "InitiateJob", vault, archive, job }));
    return {
      before: withArchive(vault),
      atOnce: shuffled(random, [
        ...times(random, 1, 3, { op: "DeleteArchive", vault, archive }),
        ...times(random, 1, 3, { op: "ReadArchive", vault, archive }),
        { op: "ListArchives", vault },
        ...initiations,
      ]),
    };
  },
  "lock, delete": ({ vault, random }) => ({
    before: withArchive(vault),
    atOnce: shuffled(random, [
      { op: "InitiateVaultLock", vault, lock: "lockA", ...noDeletions },
      { op: "InitiateVaultLock", vault, lock: "lockB", ...noDeletions },
      ...times(random, 1, 3, { op: "DeleteArchive", vault, archive }),
      ...times(random, 0, 1, { op: "AbortVaultLock", vault }),
    ]),
  }),
  "complete lock, abort lock, delete": ({ vault, random }) => ({
    before: [...withArchive(vault), { op: "InitiateVaultLock", vault, lock: "lockA", ...noDeletions }],
    atOnce: shuffled(random, [
      ...times(random, 1, 2, { op: "CompleteVaultLock", vault, lock: "lockA" }),
      ...times(random, 1, 2, { op: "AbortVaultLock", vault }),
      ...times(random, 1, 3, { op: "DeleteArchive", vault, archive }),
      { op: "GetVaultLock", vault },
    ]),
  }),
  "tag, lock": ({ vault, random }) => ({
    before: [
      ...withArchive(vault),
      { op: "InitiateVaultLock", vault, lock: "lockA", ...noDeletions, whileTag: hold },
      { op: "CompleteVaultLock", vault, lock: "lockA" },
    ],
    atOnce: shuffled(random, [
      { op: "AddTagsToVault", vault, tags: { [hold.key]: hold.value } },
      ...times(random, 0, 1, { op: "RemoveTagsFromVault", vault, keys: [hold.key] }),
      ...times(random, 1, 3, { op: "DeleteArchive", vault, archive }),
      { op: "ListTagsForVault", vault },
    ]),
  }),
  "policy, delete": ({ vault, random }) => ({
    before: withArchive(vault),
    atOnce: shuffled(random, [
      { op: "SetVaultAccessPolicy", vault, policy: "policyA", ...noDeletions },
      ...times(random, 0, 1, { op: "DeleteVaultAccessPolicy", vault }),
      ...times(random, 1, 3, { op: "DeleteArchive", vault, archive }),
      { op: "GetVaultAccessPolicy", vault },
    ]),
  }),
  "delete vault, upload": ({ vault, random }) => ({
    before: [{ op: "CreateVault", vault }],
    atOnce: shuffled(random, [
      ...times(random, 1, 2, { op: "DeleteVault", vault }),
      { op: "UploadArchive", vault, archive, ...sent(1) },
      ...times(random, 0, 1, { op: "InitiateMultipartUpload", vault, archive: "two", partSizeBytes: mebibyte }),
      ...times(random, 0, 1, { op: "CreateVault", vault }),
    ]),
  }),
} as const satisfies Readonly<Record<string, Kind>>;

/** Races with a clock that is moved past the life of an upload, for all vaults at once. */
export const kindsInTime = {
  "expiry, complete": ({ vault, random }) => {
    const { before, complete } = openUpload(vault);
    return {
      before,
      atOnce: shuffled(random, [...times(random, 1, 3, complete), { op: "ListParts", vault, archive }]),
    };
  },
  "sweep, upload": ({ vault, random }) => {
    const large = sent(3, 3 * mebibyte);
    return {
      before: [...withArchive(vault), { op: "DeleteArchive", vault, archive }],
      atOnce: shuffled(random, [
        { op: "UploadArchive", vault, archive: "two", ...large },
        { op: "UploadArchive", vault, archive: "three", ...sent(4) },
      ]),
    };
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** Races for a cluster whose leases somebody ends all the time, as those of a node that stood still end. */
export const kindsWithoutLeases = {
  "sweep, slow upload": ({ vault, random }) => {
    const slow = { ...sent(3, 2 * mebibyte), pauseMilliseconds: random.whole(0, slowestMilliseconds) };
    return {
      before: [...withArchive(vault), { op: "DeleteArchive", vault, archive }],
      atOnce: shuffled(random, [
        { op: "UploadArchive", vault, archive: "two", ...slow },
        { op: "UploadArchive", vault, archive: "three", ...sent(4) },
        ...times(random, 0, 1, { op: "ListArchives", vault }),
      ]),
    };
  },
  "two runners": ({ vault, random }) => {
    const jobs = Array.from({ length: random.whole(1, 3) }, (_, number) => `job${number}`);
    const initiations = jobs.map((job): Call => ({ op: "InitiateJob", vault, archive, job }));
    const looks = jobs.flatMap((job) => [
      ...times(random, 1, 3, { op: "DescribeJob", vault, job }),
      ...times(random, 1, 2, { op: "GetJobOutput", vault, job }),
    ]);
    return {
      before: [
        { op: "CreateVault", vault },
        { op: "UploadArchive", vault, archive, ...sent(1, mebibyte) },
        ...initiations,
      ],
      atOnce: shuffled(random, [
        ...looks,
        { op: "ReadArchive", vault, archive },
        ...times(random, 0, 1, { op: "DeleteArchive", vault, archive }),
      ]),
    };
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** Longer than the pause between two sweeps. */
const slowestMilliseconds = 3000;

/** Long enough for uploads to expire, and for the bytes of deleted archives to be removed. */
export const advance: Call = { op: "AdvanceClock", seconds: 2 * daySeconds };

function openUpload(vault: string): { readonly before: Call[]; readonly complete: Call & Content } {
  const part = sent(1);
  return {
    before: [
      { op: "CreateVault", vault },
      { op: "InitiateMultipartUpload", vault, archive, partSizeBytes: mebibyte },
      { op: "UploadMultipartPart", vault, archive, firstByte: 0, ...part },
    ],
    complete: { op: "CompleteMultipartUpload", vault, archive, ...contentIn(part) },
  };
}

const withArchive = (vault: string): Call[] => [
  { op: "CreateVault", vault },
  { op: "UploadArchive", vault, archive, ...sent(1) },
];

const sent = (seed: number, sizeBytes = 1000) => ({
  seed,
  sizeBytes,
  treeHash: treeHashOf(contentOf(seed, sizeBytes)),
});

const contentIn = ({ sizeBytes, treeHash }: Content): Content => ({ sizeBytes, treeHash });

const times = (random: Random, least: number, most: number, call: Call): Call[] =>
  Array.from({ length: random.whole(least, most) }, () => call);

function shuffled(random: Random, calls: readonly Call[]): Call[] {
  return calls
    .map((call) => ({ call, place: random.fraction() }))
    .sort((left, right) => left.place - right.place)
    .map(({ call }) => call);
}
