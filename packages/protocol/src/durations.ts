/** Seconds of larger units of time. A day has 24 hours: the service counts in UTC, and without leap seconds. */
export const secondsPer = { minute: 60, hour: 60 * 60, day: 24 * 60 * 60 } as const;

/** The same in milliseconds. */
export const millisecondsPer = {
  second: 1000,
  minute: 1000 * secondsPer.minute,
  hour: 1000 * secondsPer.hour,
  day: 1000 * secondsPer.day,
} as const;
