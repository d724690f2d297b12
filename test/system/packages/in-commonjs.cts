import { createClient, type GlacierClient } from "@moraine/client/node";

// Node 24 requires modules of ECMAScript; TypeScript knows since its setting node20.
export const client: Promise<GlacierClient> = createClient({ region: "us-east-1" });
