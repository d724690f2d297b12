import { test } from "node:test";
import { assertCalled, debianPackages, labFile, npmPackage, operationsOf2012, succeed, withServer } from "./lab.ts";

const boto2 = await debianPackages("python3-boto");

test("boto 2 calls each operation that it has, by both layers", { skip: boto2.missing }, (context) =>
  withServer(async (server) => {
    // Without `-B` it would leave its bytecode next to the script.
    const { stdout } = await succeed(server, "/usr/bin/python3", ["-B", labFile("boto2.py")]);
    context.diagnostic(`boto 2 (python3-boto ${boto2.version}): ${assertCalled(stdout, operationsOf2012)}`);
  }),
);

const ruby = await debianPackages("ruby-aws-sigv4", "ruby-aws-sdk-core", "ruby-aws-sdk");

test(
  "AWS SDK for Ruby 1 calls each operation that it has; 3 asks STS and presigns a URL",
  {
    skip: ruby.missing,
  },
  (context) =>
    withServer(async (server) => {
      const { stdout } = await succeed(server, "/usr/bin/ruby", ["-W0", labFile("ruby.rb")]);
      context.diagnostic(`AWS SDK for Ruby (ruby-aws-sdk ${ruby.version}): ${assertCalled(stdout, operationsOf2012)}`);
    }),
);

const javascript = await npmPackage("aws-sdk-2", "aws-sdk");

test(
  "AWS SDK for JavaScript 2 calls every operation, asks STS and presigns a URL",
  { skip: javascript.missing },
  (context) =>
    withServer(async (server) => {
      const environment = { AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: "1" };
      const script = labFile("aws-sdk-2/call-all.js");
      const { stdout } = await succeed(server, process.execPath, [script], { environment });
      context.diagnostic(`AWS SDK for JavaScript 2 (aws-sdk ${javascript.version}): ${assertCalled(stdout)}`);
    }),
);
