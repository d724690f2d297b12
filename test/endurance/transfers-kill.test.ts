// The same story as in test/transfers-kill.test.ts with 1 GiB and 30 kills each; minutes, and 6 GiB of disk.
process.env["TRANSFER_KILL_MIB"] = "1024";
process.env["TRANSFER_KILLS"] = "30";
await import("../transfers-kill.test.ts");
