import type { Call } from "./calls.ts";
import { type Span, spansOf } from "./operations.ts";
import type { HistoryRecorder } from "./recorder.ts";

const atOnce = 8;

/** The final observation: reads everything that the history names, by each call that can show it. */
export async function observe(recorder: HistoryRecorder, make: (call: Call) => Promise<unknown>): Promise<void> {
  const spans = spansOf(recorder.entries);
  await recorder.note("observe");
  const reads = [...readsOf(spans)];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let read = reads.shift(); read !== undefined; read = reads.shift()) {
        for (const call of read) {
          await make(call);
        }
      }
    }),
  );
}

/** The reads of each vault, in an order in which a list shows the ids that the later ones need. */
function* readsOf(spans: readonly Span[]): Generator<Call[]> {
  yield [{ op: "ListVaults" }];
  const calls = spans.map(({ call }) => call);
  for (const vault of namesIn(calls, (call) => ("vault" in call ? call.vault : null))) {
    const own = calls.filter((call) => "vault" in call && call.vault === vault);
    const archives = namesIn(own, (call) => ("archive" in call ? call.archive : null));
    const uploads = namesIn(own, (call) => (call.op === "InitiateMultipartUpload" ? call.archive : null));
    const keys = namesIn(own, (call) => ("key" in call ? call.key : null));
    yield [
      { op: "ListArchives", vault },
      ...archives.map((archive) => ({ op: "ReadArchive", vault, archive }) as const),
      { op: "ListMultipartUploads", vault },
      ...uploads.map((archive) => ({ op: "ListParts", vault, archive }) as const),
      { op: "ListTagsForVault", vault },
      { op: "GetVaultAccessPolicy", vault },
      { op: "GetVaultLock", vault },
      ...(own.some(({ op }) => op === "SetVaultNotifications")
        ? [{ op: "GetVaultNotifications", vault } as const]
        : []),
      ...keys.map((key) => ({ op: "UseAccessKey", vault, key }) as const),
    ];
  }
}

const namesIn = (calls: readonly Call[], nameOf: (call: Call) => string | null): string[] => [
  ...new Set(calls.map(nameOf).filter((name) => name !== null)),
];
