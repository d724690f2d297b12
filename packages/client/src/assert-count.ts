/** Throws RangeError unless an option is a whole number of at least 1: with 0 or NaN, a loop would do nothing or never end. */
export function assertCount(option: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1)) {
    throw new RangeError(`Invalid ${option} ${value}: expected a whole number of at least 1`);
  }
}
