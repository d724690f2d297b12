import type { AdminInput } from "@moraine/client";
import { type AuditCheckResult, type AuditEntryDescription, auditOutcomes } from "@moraine/protocol";
import { Command, Option } from "commander";
import { seconds } from "../arguments/numbers.ts";
import type { AdminContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { onOneLine, printableJson } from "../terminal/printable.ts";
import { checkTrail, readAnchors, VerificationError } from "./audit-check.ts";
import { type AuditTrail, entriesOf, trailOfServer } from "./audit-trail.ts";

interface AuditOptions extends Omit<AdminInput<"ListAuditEntries">, "limit" | "marker"> {
  readonly follow?: true;
  readonly csv?: true;
  readonly head?: true;
  readonly verify?: true;
  readonly anchor?: string;
  readonly publicKey?: string;
  readonly data?: string;
}

export function auditCommand(tools: AdminContext): Command {
  return new Command("audit")
    .description(
      "Show who did what, and what was denied, and check that nobody changed the record; only for the operator's own account",
    )
    .option("--since <time>", "entries from this time on: ISO 8601, or an age like 90s, 15m, 4h or 2d")
    .option("--until <time>", "entries before this time, in the same forms")
    .option("--of-account <id>", "only entries of this account's principals (12 digits)")
    .option("--principal <name>", "only entries of this principal: root, user/NAME or service")
    .option("--operation <name>", "only entries of this operation, e.g. DeleteArchive")
    .option("--vault <name>", "only entries of this vault: NAME in any account, or ACCOUNT/NAME")
    .addOption(new Option("--outcome <outcome>", "only entries with this outcome").choices(auditOutcomes))
    .option("--follow", "continue with new entries as they are recorded")
    .option("--csv", "print comma-separated values, with a header")
    .option("--head", "print the signed head of the trail, to be kept elsewhere as an anchor")
    .option("--verify", "check the hash of every entry, and that none is missing")
    .option("--anchor <file>", "with --verify: check that the entries of these anchors still exist")
    .option("--public-key <key>", "with --anchor: the key that must have signed them, in base64url")
    .option("--data <dir>", "with --verify: read the data folder of a server that is stopped")
    .addHelpText(
      "after",
      `
With --json each line is one entry. With --verify the exit code is 4 when the trail was changed.

Examples:
  moraine admin audit --since 2d --outcome denied
  moraine admin audit --vault photos --follow --json
  moraine admin audit --head >> anchors.jsonl
  moraine admin audit --verify --anchor anchors.jsonl`,
    )
    .action(async ({ ofAccount, ...options }: AuditOptions & { ofAccount?: string }) => {
      if (!options.verify && (options.anchor ?? options.publicKey ?? options.data) !== undefined) {
        throw new UsageError("--anchor, --public-key and --data are for --verify");
      }
      if (options.head) {
        const { Anchor } = await tools.call("GetAuditHead", {});
        await tools.printLine(printableJson(Anchor));
      } else if (options.verify) {
        await verifyTrail(tools, options);
      } else {
        await showEntries(tools, { ...options, ...(ofAccount && { account: ofAccount }) });
      }
    });
}

async function showEntries(
  tools: AdminContext,
  { follow, csv, head, verify, anchor, publicKey, data, ...filter }: AuditOptions,
) {
  const asked = {
    ...filter,
    ...(await timeOf(tools, "since", filter.since)),
    ...(await timeOf(tools, "until", filter.until)),
  };
  const line = csv ? csvLine : tools.isJson() ? (entry: AuditEntryDescription) => printableJson(entry) : readableLine;
  if (csv) {
    await tools.printLine(columns.join(","));
  }
  for await (const entry of entriesOf(tools, asked, follow === true)) {
    await tools.printLine(line(entry));
  }
}

/** Converts an age to a time, by the server's clock. */
async function timeOf(
  { call }: Pick<AdminContext, "call">,
  name: "since" | "until",
  text: string | undefined,
): Promise<AdminInput<"ListAuditEntries">> {
  if (text === undefined || !/^[0-9]+[smhd]?$/.test(text)) {
    return text === undefined ? {} : { [name]: text };
  }
  const { Anchor } = await call("GetAuditHead", {});
  return { [name]: new Date(Date.parse(Anchor.Time) - seconds(text) * 1000).toISOString() };
}

async function verifyTrail(tools: AdminContext, { anchor, publicKey, data }: AuditOptions): Promise<void> {
  const anchors = anchor === undefined ? [] : readAnchors(await tools.readText(anchor), publicKey ?? null);
  const result =
    data === undefined
      ? await checkTrail(await trailOfServer(tools), anchors)
      : await checkOffline(tools.pathOf(data), (trail) => checkTrail(trail, anchors));
  tools.printResult(result, () => report(result, anchor !== undefined));
  if (result.findingCount > 0) {
    throw new VerificationError(
      `The audit trail was changed: ${result.findingCount} finding${result.findingCount === 1 ? "" : "s"}`,
    );
  }
}

async function checkOffline<Result>(folder: string, check: (trail: AuditTrail) => Promise<Result>): Promise<Result> {
  const [{ openOffline }, { trailIn }] = await Promise.all([
    import("../offline/database.ts"),
    import("../offline/audit-trail.ts"),
  ]);
  using offline = openOffline(folder);
  return await check(trailIn(offline.database));
}

function report(result: AuditCheckResult, hasAnchors: boolean): string {
  const { findings, findingCount, entryCount, head, anchorsHeld, anchorsPruned } = result;
  const hidden = findingCount - findings.length;
  const anchors = hasAnchors
    ? `${anchorsHeld} anchors hold${anchorsPruned > 0 ? `; the entries of ${anchorsPruned} have since been pruned` : ""}.`
    : "Without --anchor, entries missing at the end are not detected.";
  return [
    ...findings.map(onOneLine),
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
    `${findingCount === 0 ? "The chain holds" : "The chain is broken"}: ${entryCount} entries, the last is ${head.sequence} with the hash ${head.hash}.`,
    anchors,
  ].join("\n");
}

const columns = [
  "Sequence",
  "Time",
  "AccountId",
  "Principal",
  "AccessKeyId",
  "SourceAddress",
  "Operation",
  "Vault",
  "Subject",
  "Outcome",
  "Reason",
  "RequestId",
  "Hash",
] as const satisfies readonly (keyof AuditEntryDescription)[];

/** Formats a line of CSV. A value that a spreadsheet would take for a formula gets a quote in front. */
function csvLine(entry: AuditEntryDescription): string {
  return columns
    .map((name) => {
      const text = onOneLine(entry[name] ?? "");
      const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
      return /[",']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    })
    .join(",");
}

function readableLine(entry: AuditEntryDescription): string {
  const { Time, AccountId, Principal, SourceAddress, Operation, Vault, Subject, Outcome, Reason } = entry;
  const who = Principal === "service" ? Principal : `${AccountId ?? "-"}/${Principal ?? entry.AccessKeyId ?? "-"}`;
  return [Time, Outcome, Operation, who, SourceAddress ?? "-", Vault ?? "-", Subject ?? "-", Reason ?? "-"]
    .map(onOneLine)
    .join("  ");
}
