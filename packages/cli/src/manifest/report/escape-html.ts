import { onOneLine } from "../../terminal/printable.ts";

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Markup that was built from escaped strings. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = string | number | Html | readonly Html[];

/** Builds markup. Each value is escaped, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(markupOf)));
}

function markupOf(value: Value): string {
  if (value instanceof Html) {
    return value.markup;
  }
  if (typeof value === "object") {
    return value.map(({ markup }) => markup).join("");
  }
  return onOneLine(value).replace(/[&<>"']/g, (found) => entities[found] ?? found);
}
