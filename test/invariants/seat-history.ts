/**
 * The seats of a table with one project, write by write, as its stream tells them: not samples, but every moment there was.
 * The embedded engine's stream has one shard, in the order of all writes. Written apart from `lambda`, like the auditor.
 */

import { createShardReader, listShards } from "../../bin/local/stream-shards.ts";
import { newStreamsClient } from "../support/stream.ts";
import type { TestTable } from "../support/table.ts";
import { type JsonObject, objectOf, plainItem, type RawItem, textOf } from "./table-contents.ts";

export const seatKinds = ["users", "reviewers", "readers"] as const;
export type SeatKind = (typeof seatKinds)[number];
export type Seats = Readonly<Record<SeatKind, number>>;

/** What became of a member in one change of its row. */
export type Passage =
  | "created"
  | "created by hand"
  | "linked"
  | "taken over"
  | "returned"
  | "restored"
  | "reactivated"
  | "deactivated"
  | "made a user"
  | "made a reader"
  | "made a reviewer"
  | "a reviewer no more"
  | "ended"
  | "deleted";

export interface SeatHistory {
  readonly writes: number;
  /** The most seats in use at any moment. */
  readonly mostUsed: Seats;
  /** Changes of members, and of those the ones that took a seat or moved to another kind. */
  readonly passages: ReadonlyMap<Passage, { readonly count: number; readonly seated: number }>;
  /** Moments at which another number of seats was counted than held, a line each. */
  readonly findings: readonly string[];
}

export async function readSeatHistory(table: TestTable): Promise<SeatHistory> {
  const usedByPool = new Map<string, Seats>();
  const people = new Map<number, Person>();
  const mostUsed = { users: 0, reviewers: 0, readers: 0 };
  const passages = new Map<Passage, { count: number; seated: number }>();
  const findings: string[] = [];
  let writes = 0;
  let isAmidRows = false;

  const images = await readImages(table);
  for (const image of images) {
    writes++;
    const item = plainItem(image);
    const isRow = item["attributes"] !== undefined;
    // A transaction's rows come first in it, so here the one before has ended.
    if (isRow && !isAmidRows) compare(`before write ${writes}`);
    if (isRow) pass(item);
    else if (item["usersUsed"] !== undefined) count(item);
    isAmidRows = isRow || item["movedTo"] !== undefined;
  }
  compare("in the end");
  return { writes, mostUsed, passages, findings };

  function pass(item: JsonObject): void {
    const after = personOf(item);
    const before = people.get(after.home);
    people.set(after.home, after);
    const passage = passageOf(before, after);
    if (passage === undefined) return;
    const seen = passages.get(passage) ?? { count: 0, seated: 0 };
    const seated = after.seat !== undefined && after.seat !== before?.seat;
    passages.set(passage, { count: seen.count + 1, seated: seen.seated + (seated ? 1 : 0) });
  }

  function count(item: JsonObject): void {
    usedByPool.set(
      String(item["sk"]),
      seatsBy((kind) => Number(item[`${kind}Used`])),
    );
    const used = inUse();
    for (const kind of seatKinds) mostUsed[kind] = Math.max(mostUsed[kind], used[kind]);
  }

  function inUse(): Seats {
    const pools = [...usedByPool.values()];
    return seatsBy((kind) => pools.reduce((sum, used) => sum + used[kind], 0));
  }

  function compare(when: string): void {
    const used = inUse();
    const everybody = [...people.values()];
    const held = seatsBy((kind) => everybody.filter(({ seat }) => seat === kind).length);
    for (const kind of seatKinds) {
      if (used[kind] !== held[kind]) {
        findings.push(`${when}: ${used[kind]} ${kind} counted, ${held[kind]} held`);
      }
    }
  }
}

/** What each write left, deletions aside. */
async function readImages(table: TestTable): Promise<readonly RawItem[]> {
  const client = newStreamsClient(table.endpoint);
  try {
    const shards = await listShards(client, table.streamArn!);
    if (shards.length !== 1) throw new Error(`the stream has ${shards.length} shards`);
    const reader = createShardReader(client, table.streamArn!, shards[0]!.id);
    const images: RawItem[] = [];
    for (;;) {
      const { records } = await reader.read();
      if (records.length === 0) return images;
      for (const { dynamodb } of records) {
        // The SDK has a type of its own for each of its clients.
        if (dynamodb?.NewImage) images.push(dynamodb.NewImage as RawItem);
      }
    }
  } finally {
    client.destroy();
  }
}

interface Person {
  readonly home: number;
  readonly number: number;
  readonly connection: string | undefined;
  /** The connection that deleted it. */
  readonly former: string | undefined;
  readonly deleted: boolean;
  readonly isUser: boolean;
  readonly seat: SeatKind | undefined;
}

const accountUrn = "urn:ietf:params:scim:schemas:extension:document360:2.0:User";

function personOf(item: JsonObject): Person {
  const attributes = objectOf(item["attributes"]);
  const number = Number(item["sk"]);
  const isUser = objectOf(attributes[accountUrn])["isTeamAccount"] === true;
  const deleted = item["deletedAt"] !== undefined;
  const active = !deleted && attributes["active"] !== false;
  return {
    home: typeof item["homeNumber"] === "number" ? item["homeNumber"] : number,
    number,
    connection: textOf(item["connectionId"]),
    former: textOf(item["formerConnectionId"]),
    deleted,
    isUser,
    seat: active ? (isUser ? (item["role"] === "reviewer" ? "reviewers" : "users") : "readers") : undefined,
  };
}

function passageOf(before: Person | undefined, after: Person): Passage | undefined {
  if (before === undefined) return after.connection === undefined ? "created by hand" : "created";
  if (
    after.connection !== undefined &&
    (before.connection !== after.connection || before.number !== after.number)
  ) {
    const last = before.connection ?? before.former;
    return last === undefined ? "linked" : last === after.connection ? "returned" : "taken over";
  }
  if (before.deleted !== after.deleted && after.connection === before.connection) {
    return after.deleted ? "deleted" : "restored";
  }
  if (after.connection !== before.connection) return "ended";
  if (after.isUser !== before.isUser) return after.isUser ? "made a user" : "made a reader";
  if (after.seat === before.seat) return undefined;
  if (before.seat === undefined) return "reactivated";
  if (after.seat === undefined) return "deactivated";
  return after.seat === "reviewers" ? "made a reviewer" : "a reviewer no more";
}

function seatsBy(of: (kind: SeatKind) => number): Seats {
  return { users: of("users"), reviewers: of("reviewers"), readers: of("readers") };
}
