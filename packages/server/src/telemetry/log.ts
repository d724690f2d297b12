import { styleText } from "node:util";
import { type DestinationStream, type Logger, pino } from "pino";

/** JSON lines on stderr; on a terminal, lines for people. */
export function createLogger(level: string): Logger {
  const destination = process.stderr.isTTY ? readable : pino.destination({ dest: 2, sync: true });
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

const colours = { 10: "gray", 20: "gray", 30: "green", 40: "yellow", 50: "red", 60: "red" } as const;

const readable: DestinationStream = {
  write(line: string): void {
    const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown> & {
      level: keyof typeof colours;
    };
    const mark = styleText(colours[level], pino.levels.labels[level] ?? "");
    const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const cause = typeof err === "object" && err !== null && "stack" in err ? `\n${String(err.stack)}` : "";
    process.stderr.write(`${String(time)} ${mark} ${String(msg)} ${styleText("dim", details.join(" "))}${cause}\n`);
  },
};
