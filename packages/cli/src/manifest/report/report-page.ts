import { bytesExactly, bytesInWords } from "../../arguments/sizes.ts";
import { columns, horizontalBars } from "./charts.ts";
import type { CopyStatistics } from "./copy-statistics.ts";
import { type Html, html } from "./escape-html.ts";
import type { FailureSummary } from "./failures.ts";

/** Facts of a rescue that neither manifest nor failures have. */
export interface RescueFacts {
  readonly vault: string;
  /** The target's URL, without secrets. */
  readonly target: string;
  readonly reportedAt: Date;
  /** Archives by their state, in the order in which they pass through them. */
  readonly states: readonly { readonly state: string; readonly archives: number; readonly bytes: number }[];
  /** Costs so far; an amount is null where the price is not known. */
  readonly costs: readonly { readonly name: string; readonly quantity: string; readonly amount: number | null }[];
  readonly currency: string;
}

export interface ReportInput {
  readonly facts: RescueFacts;
  readonly copies: CopyStatistics;
  readonly failures: FailureSummary;
}

/** Yields a page that needs nothing else: no script, no file, no network. */
export async function* reportPage(input: ReportInput): AsyncGenerator<string, void, void> {
  const { facts, failures } = input;
  yield head(facts).markup;
  yield summary(input).markup;
  yield charts(input).markup;
  yield costs(facts).markup;
  yield reasons(failures).markup;
  for (const { archiveId, path, sizeBytes, reason, attempts } of failures.shown) {
    yield html`<tr><td>${path}</td><td class="n">${bytesInWords(sizeBytes)}</td><td>${reason}</td><td class="n">${attempts}</td><td><code>${archiveId}</code></td></tr>\n`
      .markup;
  }
  yield failures.archives > 0 ? "</tbody></table>\n" : "";
  yield "</main></body></html>\n";
}

function head({ vault, reportedAt, target }: RescueFacts): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Rescue of vault ${vault}</title>
<style>
:root{color-scheme:light dark;--bar:#2f6f9f}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:60rem;margin:0 auto;padding:1rem}
table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}
.n{text-align:right;white-space:nowrap}
svg{width:100%;height:auto;font:13px system-ui,sans-serif;margin:0 0 1rem}
svg text{fill:currentColor}svg rect{fill:var(--bar)}
code{font-size:.75em}
</style></head><body><main>
<h1>Rescue of vault ${vault}</h1>
<p>To ${target}. As of ${minute(reportedAt)}.</p>
`;
}

const minute = (date: Date): string => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;

function summary({ copies, failures }: ReportInput): Html {
  return html`<table><tbody>
<tr><th>Verified at the target</th><td class="n">${copies.archives}</td><td class="n">${bytesExactly(copies.bytes)}</td></tr>
<tr><th>Failed</th><td class="n">${failures.archives}</td><td class="n">${bytesExactly(failures.bytes)}</td></tr>
</tbody></table>
`;
}

function charts({ facts, copies }: ReportInput): Html {
  const states = facts.states.map(({ state, archives, bytes }) => ({
    label: state,
    value: archives,
    text: `${archives} (${bytesInWords(bytes)})`,
  }));
  return html`<h2>States of archives</h2>${horizontalBars("Archives by state", states)}
<h2>Sizes of verified archives</h2>${horizontalBars("Verified archives by size", copies.sizes())}
<h2>Verified by day</h2>${columns("Archives verified by day", copies.days())}
`;
}

function costs({ costs: all, currency }: RescueFacts): Html {
  const total = all.reduce((sum, { amount }) => sum + (amount ?? 0), 0);
  const rows = all.map(
    ({ name, quantity, amount }) =>
      html`<tr><td>${name}</td><td class="n">${quantity}</td><td class="n">${amount === null ? "unknown" : money(amount)}</td></tr>\n`,
  );
  return html`<h2>Costs</h2>
<p>Estimated from a table of prices: the bill may differ.</p>
<table><thead><tr><th>For</th><th class="n">Quantity</th><th class="n">${currency}</th></tr></thead><tbody>
${rows}<tr><th>Total</th><td></td><th class="n">${money(total)}</th></tr></tbody></table>
`;
}

const money = (amount: number): string => amount.toFixed(2);

function reasons({ archives, byReason, shown }: FailureSummary): Html {
  if (archives === 0) {
    return html`<h2>Failures</h2><p>None.</p>\n`;
  }
  const rows = [...byReason]
    .sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => html`<tr><td>${reason}</td><td class="n">${count}</td></tr>\n`);
  return html`<h2>Failures</h2>
<table><thead><tr><th>Reason</th><th class="n">Archives</th></tr></thead><tbody>
${rows}</tbody></table>
<p>The first ${shown.length}; all are in FAILED.jsonl.</p>
<table><thead><tr><th>Path</th><th class="n">Size</th><th>Reason</th><th class="n">Attempts</th><th>Archive</th></tr></thead><tbody>
`;
}
