"""Asks boto3, or aws-cli in this process, for one vault in each of many environments; prints how each attempt ended."""

import contextlib
import io
import json
import os
import sys


def with_boto3(options, vault):
    import boto3
    import botocore
    from botocore.config import Config

    session = boto3.session.Session(profile_name=options.get("profile"))
    client = session.client(
        "glacier",
        endpoint_url=options.get("endpoint"),
        verify=options.get("ca"),
        config=Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=10),
    )
    client.describe_vault(accountId="-", vaultName=vault)


def with_aws_cli(options, vault):
    import inspect
    import awscli.clidriver

    arguments = ["glacier", "describe-vault", "--account-id", "-", "--vault-name", vault]
    for name, flag in (("profile", "--profile"), ("endpoint", "--endpoint-url"), ("ca", "--ca-bundle")):
        if name in options:
            arguments += [flag, options[name]]
    create = awscli.clidriver.create_clidriver
    driver = create(arguments) if inspect.signature(create).parameters else create()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = driver.main(arguments)
    if code != 0:
        raise RuntimeError(printed.getvalue().strip())


def version(tool):
    if tool == "boto3":
        import botocore

        return botocore.__version__
    import awscli

    return awscli.__version__


def main(tool):
    run = with_boto3 if tool == "boto3" else with_aws_cli
    tool_version = version(tool)
    # Where aws-cli finds its own data, since it was imported.
    data = {name: os.environ[name] for name in ("AWS_DATA_PATH",) if name in os.environ}
    outcomes = []
    for environment in json.load(sys.stdin):
        os.environ.clear()
        os.environ.update({**environment["variables"], **data})
        try:
            run(environment["options"], environment["vault"])
            outcomes.append(None)
        except BaseException as error:
            outcomes.append(f"{type(error).__name__}: {error}"[:300])
    print(json.dumps({"version": tool_version, "outcomes": outcomes}))


main(sys.argv[1])
