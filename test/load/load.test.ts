import { expect, it } from "vitest";
import { startLocalProcess } from "../support/local-process.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { planArrivals } from "./arrivals.ts";
import { startForgetfulProxy } from "./forgetful-proxy.ts";
import type { KnownGroup } from "./ledger.ts";
import { type LoadOptions, runLoad } from "./load.ts";
import { patchOpUrn } from "./messages.ts";
import { parseOptions } from "./options.ts";
import type { Tenant } from "./tenant.ts";

const short: LoadOptions = {
  target: { kind: "started" },
  tenants: 2,
  rate: 6,
  seconds: 2,
  burstSeconds: 0.5,
  population: 10,
  seed: 20_261_122,
};

/** Both start a service: only a run that hangs takes this long. */
const hangsMilliseconds = 180_000;

it(
  "after a short load the service holds exactly what it has answered, and has answered no 5xx",
  async () => {
    const { requests, latencies, statuses, lost, differences } = await runLoad(short);
    expect(differences).toEqual([]);
    expect(lost).toBe(0);
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    expect([...latencies.values()].flat()).toHaveLength(requests);
  },
  hangsMilliseconds,
);

it(
  "of a change whose answer was lost, either state is right",
  async () => {
    const service = await startLocalProcess(["--no-demo"]);
    const proxy = await startForgetfulProxy(service.origin);
    try {
      const { lost, differences } = await runLoad({
        ...short,
        target: { kind: "service", origin: proxy.origin },
        beforeComparison: async () => proxy.recover(),
      });
      expect(proxy.lost).toBeGreaterThan(0);
      expect(lost).toBe(proxy.lost);
      expect(differences).toEqual([]);
    } finally {
      await proxy.stop();
      service.child.kill("SIGTERM");
      await service.ended;
    }
  },
  hangsMilliseconds,
);

it(
  "the comparison notices what was changed behind its back",
  async () => {
    const changed: string[] = [];
    const { differences } = await runLoad({
      ...short,
      tenants: 1,
      seconds: 1,
      beforeComparison: async ([tenant]) => {
        changed.push(...(await disturb(tenant!)));
      },
    });
    const [deleted, renamed, removed, added] = changed;
    const about = (text: string) => differences.filter((difference) => difference.includes(text));
    // By its id, in the listing, in its group; its seat agrees with the listing.
    expect(about(deleted!)).toHaveLength(3);
    // By its id, in the listing.
    expect(about(renamed!)).toHaveLength(2);
    expect(about(`lacks ${removed}`)).toHaveLength(1);
    expect(about(`has ${added}, whom nobody added`)).toHaveLength(1);
    expect(about("nobody created")).toHaveLength(1);
    expect(differences).toHaveLength(8);
  },
  hangsMilliseconds,
);

/** Ids of who was deleted, renamed, taken out of the hot group and put into another one. */
async function disturb(tenant: Tenant): Promise<readonly string[]> {
  const [hot, other] = tenant.ledger.groups;
  const { users } = tenant.ledger;
  const isIn = (group: KnownGroup | undefined, id: string) => group?.memberships.get(id)?.isMember === true;
  const [deleted, renamed, removed] = users.map(({ id }) => id).filter((id) => isIn(hot, id));
  const untouched = users.map(({ id }) => id).filter((id) => ![deleted, renamed, removed].includes(id));
  const added = untouched.find((id) => !isIn(other, id));
  const patch = (path: string, operation: unknown) =>
    tenant.scim("PATCH", path, { schemas: [patchOpUrn], Operations: [operation] });
  await tenant.scim("DELETE", `/Users/${deleted}`);
  await patch(`/Users/${renamed}`, { op: "replace", path: "displayName", value: "Somebody else" });
  await patch(`/Groups/${hot?.id}`, { op: "remove", path: "members", value: [{ value: removed }] });
  await patch(`/Groups/${other?.id}`, { op: "add", path: "members", value: [{ value: added }] });
  await tenant.scim("POST", "/Users", { userName: tenant.newName() });
  return [deleted!, renamed!, removed!, added!];
}

it("a seed gives the same arrivals each time, in the mix and with the burst of the load model", () => {
  const shape = { tenants: 2, rate: 100, seconds: 50, burstSeconds: 10 };
  const arrivals = planArrivals(shape, createSeededRandom(7));
  expect(planArrivals(shape, createSeededRandom(7))).toEqual(arrivals);
  expect(planArrivals(shape, createSeededRandom(8))).not.toEqual(arrivals);

  // 40 seconds at 200 a second, 10 at 800.
  expect(arrivals.length / 16_000).toBeCloseTo(1, 1);
  const inBurst = arrivals.filter(({ at }) => at >= 20_000 && at < 30_000).length;
  expect(inBurst / arrivals.length).toBeCloseTo(0.5, 1);
  const lookUps = arrivals.filter(({ kind }) => kind === "lookUp").length;
  expect(lookUps / arrivals.length).toBeCloseTo(0.55, 1);
  expect(arrivals.every(({ at }, index) => at >= (arrivals[index - 1]?.at ?? 0))).toBe(true);
});

it("takes its options from the command line", () => {
  expect(parseOptions([], 5)).toEqual({
    target: { kind: "started" },
    rate: 25,
    seconds: 60,
    burstSeconds: 3,
    tenants: 3,
    population: 100,
    seed: 5,
  });
  const given = [
    "--rate",
    "1",
    "--seconds",
    "2",
    "--burst-seconds",
    "0",
    "--seed",
    "9",
    "--url",
    "http://a/",
  ];
  expect(parseOptions(given, 5)).toMatchObject({
    rate: 1,
    seconds: 2,
    burstSeconds: 0,
    seed: 9,
    target: { kind: "service", origin: "http://a" },
  });
  expect(parseOptions(["--url", "http://a/scim/v2/c", "--token", "t"], 5)).toMatchObject({
    target: { kind: "connection", scimBaseUrl: "http://a/scim/v2/c", token: "t" },
  });
  expect(() => parseOptions(["--rate", "many"], 5)).toThrow("--rate");
  expect(() => parseOptions(["--token", "t"], 5)).toThrow("--url");
  expect(parseOptions(["--help"], 5)).toBe("help");
});
