import { test } from "node:test";
import { repositoryRoot } from "../support/server-process.ts";
import { assertCalled, debianPackages, labFile, succeed, withServer } from "./lab.ts";

/** Debian's libraries are sources in a GOPATH, without modules. */
const environment = {
  GO111MODULE: "off",
  GOPATH: "/usr/share/gocode",
  GOCACHE: `${repositoryRoot}/node_modules/.cache/go`,
  GOFLAGS: "",
};

for (const [name, folder, library] of [
  ["AWS SDK for Go 1", "go-v1", "golang-github-aws-aws-sdk-go-dev"],
  ["AWS SDK for Go 2", "go-v2", "golang-github-aws-aws-sdk-go-v2-dev"],
] as const) {
  const { version, missing } = await debianPackages("golang-go", library);

  test(`${name} calls every operation, asks STS and presigns a URL`, { skip: missing }, (context) =>
    withServer(async (server, folderPath) => {
      const program = `${folderPath}/${folder}`;
      const build = { environment, cwd: labFile(folder), secondsMax: 600 };
      await succeed(server, "go", ["build", "-buildvcs=false", "-o", program, "."], build);
      const { stdout } = await succeed(server, program, []);
      context.diagnostic(`${name} (${library} ${version}): ${assertCalled(stdout)}`);
    }),
  );
}
