import { benchBundles, benchGroups, benchOperations } from "./bench.ts";

// The costs are measured in this process: its requests are not to be logged between the tables.
process.env["POWERTOOLS_LOG_LEVEL"] ??= "SILENT";
process.env["POWERTOOLS_METRICS_DISABLED"] ??= "true";

const options = { seconds: 5, pace: 1, imports: 15 };
const rounded = (value: number) => Math.round(value * 10) / 10;

const operations = await benchOperations(options);
console.log(`Each operation for ${options.seconds} seconds, open loop; latency in milliseconds.`);
console.table(
  operations.map(({ operation, asked, perSecond, failures, p50, p99, trips, rcu, wcu }) => ({
    operation,
    "asked/s": asked,
    "done/s": rounded(perSecond),
    failures,
    p50: rounded(p50),
    p99: rounded(p99),
    trips,
    RCU: rcu,
    WCU: wcu,
  })),
);

const bundles = await benchBundles(options);
console.table(
  bundles.map(({ handler, kilobytes, gzipped, importMs }) => ({
    handler,
    KB: rounded(kilobytes),
    "KB gzip": rounded(gzipped),
    "import ms": rounded(importMs),
  })),
);

const groups = { users: 100_001, sizes: [1, 1_000, 100_000] };
console.log(
  `\nGroups among ${groups.users} users, by what DynamoDB itself reports; seeding takes a minute or two.`,
);
const rows = await benchGroups(groups);
console.table(
  rows.map(({ operation, members, trips, rcu, wcu, withinBudget }) => ({
    operation,
    members,
    trips,
    RCU: rcu,
    WCU: wcu,
    "within DESIGN §2": withinBudget,
  })),
);
if (rows.some(({ withinBudget }) => !withinBudget)) {
  console.error("rollcall: a group operation costs more than DESIGN §2 allows");
  process.exitCode = 1;
}
