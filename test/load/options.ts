/** What `npm run load -- …` takes. */

import { parseArgs } from "node:util";
import type { LoadOptions, LoadTarget } from "./load.ts";

export const helpText = `npm run load -- [options]

  --rate N           requests per second and tenant (default 25)
  --seconds N        how long (default 60)
  --burst-seconds N  how much of it, in the middle, at four times the rate (default a twentieth)
  --tenants N        projects with one connection each (default 3)
  --population N     users of each tenant before the load begins, all in its hot group (default 100)
  --seed N           the arrivals and the dice of an earlier run
  --url URL          a local service that runs already, instead of one started for the run; with --token, the SCIM
                     base URL of any connection, which gets all of the load
  --token TOKEN      its bearer token

What it creates at --url stays there.`;

/** idp-traffic.md §1.8: what Entra's catalogue asks for. */
const rateDefault = 25;
const secondsDefault = 60;
/** idp-traffic.md §13: 30 seconds of ten minutes. */
const burstShare = 1 / 20;
const tenantsDefault = 3;
const populationDefault = 100;

/** `newSeed` where none is given. "help" where that was asked for; throws what is wrong with the arguments. */
export function parseOptions(args: readonly string[], newSeed: number): LoadOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: "string" },
      seconds: { type: "string" },
      "burst-seconds": { type: "string" },
      tenants: { type: "string" },
      population: { type: "string" },
      seed: { type: "string" },
      url: { type: "string" },
      token: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const number = (name: Exclude<keyof typeof values, "help">, byDefault: number): number => {
    const given = values[name] === undefined ? byDefault : Number(values[name]);
    if (!Number.isFinite(given) || given < 0) throw new Error(`--${name} must be a number`);
    return given;
  };
  const seconds = number("seconds", secondsDefault);
  return {
    rate: number("rate", rateDefault),
    seconds,
    burstSeconds: number("burst-seconds", seconds * burstShare),
    tenants: Math.max(1, Math.trunc(number("tenants", tenantsDefault))),
    population: Math.max(1, Math.trunc(number("population", populationDefault))),
    seed: Math.trunc(number("seed", newSeed)),
    target: targetOf(values.url, values.token),
  };
}

function targetOf(url: string | undefined, token: string | undefined): LoadTarget {
  if (url === undefined) {
    if (token !== undefined) throw new Error("--token is of no use without --url");
    return { kind: "started" };
  }
  const trimmed = url.replace(/\/+$/, "");
  return token === undefined
    ? { kind: "service", origin: trimmed }
    : { kind: "connection", scimBaseUrl: trimmed, token };
}
