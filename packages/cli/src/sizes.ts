const steps = ["KiB", "MiB", "GiB", "TiB"];

/** `1.5 GiB`; less than a KiB in bytes. */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = "bytes";
  for (const step of steps) {
    if (value < 1024) {
      break;
    }
    value /= 1024;
    unit = step;
  }
  return unit === "bytes" ? `${value} ${unit}` : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}
