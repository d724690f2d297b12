/** An allow-list: a layer may import only what is written down here. docs/ARCHITECTURE.md draws the same arrows. */
const layer = (name, from, allowed) => ({
  name,
  severity: "error",
  from: { path: `^packages/server/src/${from}/` },
  to: {
    path: "^packages/server/src/",
    pathNot: `^packages/server/src/(${[from, ...allowed].map((name) => (name.endsWith("$") ? name : `${name}/`)).join("|")})`,
  },
});

module.exports = {
  forbidden: [
    layer("domain-is-pure", "domain", []),
    layer("segments-see-domain", "segments", ["domain"]),
    layer("operations-see-segments-and-domain", "operations", ["segments", "domain"]),
    layer("auth-sees-domain", "auth", ["domain"]),
    layer("audit-sees-clock-and-domain", "audit", ["clock", "domain"]),
    layer("secrets-are-files", "secrets", ["files"]),
    layer("storage-implements-domain", "storage", ["files", "clock", "domain"]),
    layer("verify-reads-what-is-stored", "verify", [
      "storage",
      "segments",
      "auth",
      "settings",
      "files",
      "clock",
      "domain",
    ]),
    layer("backup-copies-what-is-stored", "backup", [
      "verify",
      "storage",
      "segments",
      "settings",
      "files",
      "clock",
      "domain",
      "package-version\\.ts$",
    ]),
    layer("restore-reads-backups", "restore", ["backup", "verify", "storage", "settings", "files", "clock", "domain"]),
    layer("jobs-see-segments-clock-and-domain", "jobs", ["segments", "clock", "domain"]),
    layer("notify-implements-domain", "notify", ["secrets", "domain"]),
    layer("telemetry-is-passed-in", "telemetry", ["domain"]),
    layer("admin-sees-auth-and-domain", "admin", ["auth", "domain"]),
    layer("http-sees-operations-admin-and-auth", "http", ["auth", "operations", "admin", "secrets", "domain"]),
    layer("faults-are-wrapped-around-http", "faults", ["http", "operations", "clock", "domain"]),
    layer("settings-see-secrets", "settings", ["secrets", "files"]),
    layer("clocks-see-domain", "clock", ["domain"]),
    layer("files-see-nothing", "files", []),
    {
      name: "only-main-sees-compose",
      severity: "error",
      from: {
        path: "^packages/server/src/",
        pathNot: "^packages/server/src/(main\\.ts$|backup/main\\.ts$|(compose|health)/)",
      },
      to: { path: "^packages/server/src/([^/]+\\.ts$|compose/)" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "nothing-sees-server",
      severity: "error",
      from: { path: "^packages/(protocol|client|cli)/" },
      // `moraine serve` replaces its process by the server: docs/decisions/0042.
      to: { path: "^(packages|@moraine)/server/", pathNot: "^@moraine/server/launch$" },
    },
    {
      name: "only-the-command-launches-the-server",
      severity: "error",
      from: { path: "^packages/", pathNot: "^packages/cli/src/run\\.ts$" },
      to: { path: "^@moraine/server/launch$" },
    },
    {
      name: "client-sees-protocol",
      severity: "error",
      from: { path: "^packages/client/src/" },
      to: { path: "^packages/", pathNot: "^packages/(client|protocol)/" },
    },
    {
      // Only these files need Node; everything else also runs in a browser.
      name: "client-is-portable",
      severity: "error",
      from: { path: "^packages/client/src/", pathNot: "^packages/client/src/(node|transfers)(/|\\.ts$)" },
      to: { path: "^packages/client/src/(node|transfers)(/|\\.ts$)" },
    },
    {
      name: "protocol-imports-nothing",
      severity: "error",
      from: { path: "^packages/protocol/src/" },
      to: { pathNot: "^packages/protocol/src/" },
    },
    {
      name: "domain-no-io",
      severity: "error",
      from: { path: "^packages/server/src/domain/" },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: { conditionNames: ["@moraine/source", "import", "node", "default"] },
    exclude: { path: "(^|/)dist/" },
    doNotFollow: { path: "node_modules" },
  },
};
