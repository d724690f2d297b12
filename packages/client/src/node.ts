export type { GlacierClient } from "./client.ts";
