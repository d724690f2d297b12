import { asciiJson, onOneLine } from "../settings/safe-text.ts";
import { wrapped } from "../settings/wrapped.ts";
import { type Action, consequences, unrepaired } from "./action.ts";

export interface Totals {
  actions: number;
  archives: number;
  /** Things that only an operator can repair. */
  left: number;
}

/** Prints each action when it is planned or done, and keeps none. */
export interface Report {
  action(action: Action): void;
  summary(totals: Totals, isApplied: boolean): void;
}

const indent = "    ";

export function textTo(write: (line: string) => void, width: number): Report {
  const indented = (text: string) => wrapped(onOneLine(text), width - indent.length).replaceAll("\n", `\n${indent}`);
  return {
    action({ code, message, ...subject }) {
      const names = Object.entries(subject).filter(([, value]) => value !== undefined);
      const lines = [...names.map(([name, value]) => `${name}: ${value}`), `note: ${consequences[code]}`];
      write([indented(`${code}: ${message}`), ...lines.map((line) => `  ${indented(line)}`)].join("\n"));
    },
    summary({ actions, archives, left }, isApplied) {
      const done = isApplied ? "done" : "to do; nothing was changed: --apply makes the changes";
      write(indented(actions === 0 ? "nothing to repair" : `${actions} actions ${done}`));
      if (archives > 0 || left > 0) {
        write(indented(`${archives} archives linked, ${left} things left to look at`));
      }
    },
  };
}

export function jsonTo(write: (line: string) => void): Report {
  return {
    action: ({ code, ...rest }) =>
      write(
        asciiJson({
          type: "action",
          code,
          ...rest,
          isRepaired: !unrepaired.has(code),
          consequence: consequences[code],
        }),
      ),
    summary: (totals, isApplied) => write(asciiJson({ type: "summary", ...totals, isApplied })),
  };
}

/** Counts what is printed. */
export function counting(report: Report): { totals: Totals; print(action: Action): void } {
  const totals = { actions: 0, archives: 0, left: 0 };
  return {
    totals,
    print(action) {
      if (unrepaired.has(action.code)) {
        totals.left += 1;
      } else {
        totals.actions += 1;
      }
      totals.archives += action.code === "archive-linked" ? 1 : 0;
      report.action(action);
    },
  };
}
