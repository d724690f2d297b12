import { bytesExactly, bytesInWords } from "../arguments/sizes.ts";
import { onOneLine, printableJson } from "../terminal/printable.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { listing, table } from "../terminal/table.ts";
import { counted, dollars, durationInWords, grouped } from "./amounts-in-words.ts";
import type { Bottleneck } from "./duration.ts";
import { histogramText } from "./histogram-text.ts";
import type { Plan } from "./plan.ts";
import type { NameDecisionKind, NameStatistics, StatisticsDetails } from "./vault-statistics.ts";

/** Formats a plan for a person, in lines of at most `columns` characters where it can. */
export function planText(plan: Plan, columns: number): string {
  const { details } = plan.contents;
  const sections = [
    contentsText(plan),
    ...(details === null
      ? [withoutCatalogText(plan)]
      : [sizesText(details, columns), namesText(details.names, columns)]),
    costText(plan, columns),
    timeText(plan),
    targetText(plan),
    pricesText(plan),
  ];
  return sections.filter((text) => text !== "").join("\n\n");
}

function contentsText({ vault, contents: { archives, bytes, asOf, details } }: Plan): string {
  return listing({
    vault,
    "as of": asOf?.toISOString() ?? "an unknown time",
    archives: grouped(archives),
    size: bytesExactly(bytes),
    ...(details !== null && { largest: bytesInWords(details.largestBytes) }),
  });
}

function withoutCatalogText({ vault, inventoryUsd, isAws }: Plan): string {
  const costs = inventoryUsd === null ? "" : `costs ${dollars(inventoryUsd)} at most, and `;
  const price = isAws ? ` At AWS it ${costs}takes hours.` : "";
  return [
    "No inventory of this vault was imported, so sizes, names and early deletions",
    "are unknown, and the number of archives is the one that the service counted",
    `last, at AWS about once a day.${price}`,
    "This starts an inventory:",
    `  moraine catalog import ${shellWord(vault)} --start`,
  ].join("\n");
}

function sizesText({ sizes }: StatisticsDetails, columns: number): string {
  return ["sizes (archives, bytes)", ...histogramText(sizes, columns)].join("\n");
}

const decisionWords: Readonly<Record<NameDecisionKind, string>> = {
  duplicate: "with the name of another archive: their date is added",
  unsafe: "with a name that is no safe path: it is made one",
  "too-long": "with a name that is too long: it is made shorter",
  nameless: "without a name: the id is used",
  noted: "compressed or encrypted by the program that stored them",
};

function namesText({ formats, decisions }: NameStatistics, columns: number): string {
  const seen = formats.map(({ format, archives }) => `${format} ${grouped(archives)}`).join(", ");
  const open = decisions.flatMap(({ kind, archives, examples }) => [
    `  ${grouped(archives)} ${decisionWords[kind]}`,
    ...examples.map((example) => `    ${shortened(printableJson(example), columns - 4)}`),
  ]);
  return [`names: ${seen || "none"}`, ...open].join("\n");
}

/** Leaves out the middle of a text that is longer than a line. */
function shortened(text: string, lengthMax: number): string {
  const characters = [...text];
  const half = Math.max(1, Math.floor((lengthMax - 1) / 2));
  return characters.length <= lengthMax
    ? text
    : `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}`;
}

function costText(plan: Plan, columns: number): string {
  if (!plan.arePricesKnown) {
    return `cost: unknown, since the price table has no region ${onOneLine(plan.region)} (--prices FILE)`;
  }
  const { tiers, egressUsd, egressMonths, target, contents, earlyDeletionUsd, storageUsdPerMonth } = plan;
  const rows = tiers.map((tier) => ({
    tier: tier.tier,
    requests: dollars(tier.requestsUsd),
    bytes: dollars(tier.bytesUsd),
    total: dollars(tier.totalUsd),
  }));
  const early = contents.details?.early.archives ?? 0;
  const isWide = columns >= 48;
  const head = isWide
    ? ({ TIER: "tier", REQUESTS: "requests", RETRIEVAL: "bytes", TOTAL: "total" } as const)
    : ({ TIER: "tier", TOTAL: "total" } as const);
  return [
    plan.isAws
      ? `cost in ${plan.region}: ${counted(contents.archives, "request")}, one for each archive`
      : `cost if this were AWS in ${plan.region}; this service charges what its operator says`,
    table(head, rows),
    `in each total: ${dollars(egressUsd)} for the transfer to the internet${monthsText(egressMonths)}${
      target === null || target.kind === "folder"
        ? ""
        : `, ${dollars(target.requestsUsd)} for ${counted(target.requests, "request")} of the target`
    }`,
    ...(earlyDeletionUsd === null
      ? []
      : [`early deletion, if all went today: ${dollars(earlyDeletionUsd)} for ${counted(early, "archive")}`]),
    `keeping it: ${dollars(storageUsdPerMonth)} a month`,
  ].join("\n");
}

function monthsText(months: number | null): string {
  const spread = months === null ? ", as if within a month" : ` over ${months} months`;
  return months === 1 ? "" : spread;
}

const bottleneckWords: Readonly<Record<Bottleneck, string>> = {
  bandwidth: "the bandwidth",
  retrieval: "--max-retrieval-per-hour",
  requests: "the requests",
  quota: "AWS's 100 TiB a day",
};

function timeText({ tiers, jobsOfLargest, contents }: Plan): string {
  const isUnknown = tiers.some(({ duration }) => duration.seconds === null);
  const lines = tiers.map(({ tier, duration: { secondsMin, delaySeconds, bottleneck } }) => {
    const first = delaySeconds === 0 ? "" : `, the first after ${durationInWords(delaySeconds)}`;
    const least = isUnknown ? "at least " : "";
    return secondsMin === null || bottleneck === null
      ? `  ${tier}: unknown${first}`
      : `  ${tier}: ${least}${durationInWords(secondsMin)}${first}, limited by ${bottleneckWords[bottleneck]}`;
  });
  const repeated =
    (jobsOfLargest ?? 1) > 1
      ? [
          `  the largest archive takes longer than the day that a job's output lasts:`,
          `  it is retrieved ${jobsOfLargest} times, and each time is charged; not in the cost above`,
        ]
      : [];
  return [
    "time",
    ...lines,
    ...(isUnknown ? ["  give --bandwidth, like 100MiB"] : measuringText(tiers)),
    ...leftOutText(contents.details),
    ...repeated,
  ].join("\n");
}

/** Says how much later a rescue may end that is not given the bandwidth. */
function measuringText(tiers: Plan["tiers"]): string[] {
  const later = tiers.flatMap(({ tier, duration: { measuringSeconds } }) =>
    measuringSeconds === 0 ? [] : [`${tier} by ${durationInWords(measuringSeconds)}`],
  );
  return later.length === 0
    ? []
    : [
        "  for moraine rescue with the same --bandwidth; without it, the rescue first has",
        `  to measure, and may end later: ${later.join(", ")}`,
      ];
}

function leftOutText(details: StatisticsDetails | null): string[] {
  const { archives, bytes } = details?.overHourlyLimit ?? { archives: 0, bytes: 0 };
  return archives === 0
    ? []
    : [
        `  larger than --max-retrieval-per-hour: ${counted(archives, "archive")}, ${bytesInWords(bytes)};`,
        "  a rescue with that limit leaves them out, though they are counted here",
      ];
}

function targetText({ target, contents: { archives } }: Plan): string {
  if (target === null) {
    return "";
  }
  const { url, neededBytes, freeBytes, freeFiles } = target;
  return listing({
    target: url,
    needed: bytesInWords(neededBytes),
    free: freeBytes === null ? "unknown" : bytesInWords(freeBytes),
    ...(freeBytes !== null && freeBytes < neededBytes && { missing: bytesInWords(neededBytes - freeBytes) }),
    ...(freeFiles !== null &&
      freeFiles < archives && { files: `${grouped(archives)} needed, ${grouped(freeFiles)} free (inodes)` }),
  });
}

function pricesText({ vault, prices, region, arePricesKnown }: Plan): string {
  if (!arePricesKnown) {
    return [
      "To add prices, write the table into a file, add the region to it, and use it:",
      `  moraine plan ${shellWord(vault)} --json | jq .prices > prices.json`,
      `  moraine plan ${shellWord(vault)} --prices prices.json`,
    ].join("\n");
  }
  const derived = prices.regions[region]?.isDerived
    ? `\nRetrieval and request prices of ${region} are derived from us-east-1's.`
    : "";
  return `Prices of ${prices.date}: ${prices.source}.${derived}\nOther prices: --prices FILE, in the form of .prices of --json.`;
}
