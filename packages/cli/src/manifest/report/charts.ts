import { type Html, html } from "./escape-html.ts";

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value in words. */
  readonly text: string;
}

const [width, rowHeight, labelWidth, textWidth] = [720, 26, 150, 190];

/** Draws a bar for each row, with its label before it and its value after it. */
export function horizontalBars(title: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const room = width - labelWidth - textWidth;
  const rows = bars.map(({ label, value, text }, index) => {
    const length = value === 0 ? 0 : Math.max(1, (value / most) * room);
    const y = index * rowHeight;
    return html`<text x="${labelWidth - 8}" y="${y + 17}" text-anchor="end">${label}</text><rect x="${labelWidth}" y="${y + 4}" width="${rounded(length)}" height="${rowHeight - 8}"/><text x="${rounded(labelWidth + length + 8)}" y="${y + 17}">${text}</text>`;
  });
  return html`<svg role="img" aria-label="${title}" viewBox="0 0 ${width} ${bars.length * rowHeight}">${rows}</svg>`;
}

const columnsHeight = 160;

/** Draws a column for each value, with the first and the last label below, and each value as its tooltip. */
export function columns(title: string, bars: readonly Bar[]): Html {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const step = width / Math.max(1, bars.length);
  const rows = bars.map(({ label, value, text }, index) => {
    const height = value === 0 ? 0 : Math.max(1, (value / most) * columnsHeight);
    return html`<rect x="${rounded(index * step + step * 0.1)}" y="${rounded(columnsHeight - height)}" width="${rounded(step * 0.8)}" height="${rounded(height)}"><title>${label}: ${text}</title></rect>`;
  });
  const first = bars[0]?.label ?? "";
  const last = bars.length > 1 ? (bars.at(-1)?.label ?? "") : "";
  return html`<svg role="img" aria-label="${title}" viewBox="0 0 ${width} ${columnsHeight + 24}">${rows}<text x="0" y="${columnsHeight + 18}">${first}</text><text x="${width}" y="${columnsHeight + 18}" text-anchor="end">${last}</text></svg>`;
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
