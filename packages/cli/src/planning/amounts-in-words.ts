/** Formats dollars like `$1,234.50`. Less than a cent is not shown as nothing. */
export function dollars(usd: number | null): string {
  if (usd === null) {
    return "unknown";
  }
  if (usd > 0 && usd < 0.01) {
    return "under $0.01";
  }
  return `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function counted(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

export const grouped = (number: number): string => number.toLocaleString("en-US");

const steps = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
] as const;

/** Formats a duration by its two largest units, like `3 days 4 hours`. */
export function durationInWords(seconds: number): string {
  const index = steps.findIndex(([unit]) => seconds >= unit);
  const [unit, name] = steps[index] ?? [1, "second"];
  const [lower, lowerName] = steps[index + 1] ?? [unit, ""];
  if (lowerName === "" || index < 0) {
    return counted(Math.max(1, Math.round(seconds / unit)), name);
  }
  const rounded = Math.round(seconds / lower) * lower;
  const rest = Math.round((rounded % unit) / lower);
  return [counted(Math.floor(rounded / unit), name), ...(rest > 0 ? [counted(rest, lowerName)] : [])].join(" ");
}
