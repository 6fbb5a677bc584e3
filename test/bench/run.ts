import { propagationMapping } from "../../lambda/stream/stream-mapping.ts";
import { benchBundles, benchGroups, benchOperations } from "./bench.ts";
import { benchApplied, benchBackfill, benchLag } from "./inheritance.ts";

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

const applied = await benchApplied();
console.log("\nOne change of a parent applied to one child, beyond what it costs without a child.");
console.table(
  applied.map(({ name, cost, withinBudget }) => ({
    change: name,
    RCU: cost.rcu,
    WCU: cost.wcu,
    "within DESIGN §2": withinBudget,
  })),
);
if (applied.some(({ withinBudget }) => !withinBudget)) {
  console.error("rollcall: a change applied to a child costs more than DESIGN §2 allows");
  process.exitCode = 1;
}

const windowSeconds = propagationMapping.batchingWindowSeconds;
// A slow rate: each change is fifty copies, and what the engine does not bear would only be a queue.
const load = { children: 50, users: 8, rate: 0.5, changes: 64 };
console.log(
  `\nUntil each of ${load.children} children shows a change, at ${load.rate} a second; milliseconds.`,
);
console.table(
  [await benchLag({ ...load, windowSeconds }), await benchLag({ ...load, windowSeconds: 0 })].map(
    ({ windowSeconds: window, failures, p50, p99 }) => ({
      "batching window, s": window,
      failures,
      p50: rounded(p50),
      p99: rounded(p99),
    }),
  ),
);

const backfill = { children: 50, users: 100, linkedAtOnce: 16, windowSeconds };
console.log(`\n${backfill.children} children of a parent with ${backfill.users} users, linked at once.`);
const copied = await benchBackfill(backfill);
console.table([
  {
    "linked, s": rounded(copied.linkedSeconds),
    "in sync, s": rounded(copied.seconds),
    "copies/s": rounded(copied.copiesPerSecond),
    "RCU a copy": rounded(copied.rcuPerCopy),
    "WCU a copy": rounded(copied.wcuPerCopy),
    "RCU of its trail": rounded(copied.trailRcuPerCopy),
    "WCU of its trail": rounded(copied.trailWcuPerCopy),
  },
]);
if (!copied.isExact) {
  console.error(`rollcall: the children are not what their parent is\n${copied.differences.join("\n")}`);
  process.exitCode = 1;
}
