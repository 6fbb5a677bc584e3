/**
 * Users so far apart that one set of them lies on more pages than a transaction has room for. Put under numbers chosen by
 * hand, made by the service's own item builders.
 */

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  QueryCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { providerActor } from "../../lambda/domain/context.ts";
import { type Member, newMember } from "../../lambda/domain/member.ts";
import { memberIdOf } from "../../lambda/domain/member-id.ts";
import { seatPoolKey, seatsPartition } from "../../lambda/table/keys.ts";
import { memberWrites, unclaimed } from "../../lambda/table/members.ts";
import { numberOf, slotsPerPage, stripes } from "../../lambda/table/numbers.ts";
import { rosterItems } from "../../lambda/table/roster.ts";
import type { Item } from "../../lambda/table/store.ts";
import { nameMark } from "./operations.ts";

/** 16 stripes of seven pages each: 112, where a transaction takes 100 items. */
const pagesOfStripe = 7;

export interface SeedPlace {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly projectId: string;
  readonly connectionId: string;
}

/** One user on each page for each of the slots given; their SCIM ids, by slot. The connection must be new. */
export async function seedFarApartUsers(
  place: SeedPlace,
  slots: readonly number[],
): Promise<readonly (readonly string[])[]> {
  const numbers = slots.map((slot) =>
    Array.from({ length: pagesOfStripe * stripes }, (_, page) =>
      numberOf(page % stripes, Math.floor(page / stripes) * slotsPerPage + slot),
    ),
  );
  await seedNumbers(place, numbers.flat());
  return numbers.map((each) => each.map((number) => memberIdOf(place.projectId, number)));
}

/** Users under these numbers, and the counters behind them; their SCIM ids. */
export async function seedNumbers(place: SeedPlace, numbers: readonly number[]): Promise<readonly string[]> {
  const documents = DynamoDBDocumentClient.from(place.client, {
    marshallOptions: { removeUndefinedValues: true },
  });
  const members = numbers.map((number) => seededMember(place, number));
  const items = members.flatMap((member) =>
    memberWrites({ before: undefined }, member, () => unclaimed, providerActor).flatMap((write) =>
      "put" in write ? [write.put] : [],
    ),
  );
  await putAll(documents, place.tableName, [...items, ...rosterItems(members)]);
  await countNumbers(documents, place, numbers);
  return numbers.map((number) => memberIdOf(place.projectId, number));
}

/** An active reader. */
function seededMember({ projectId, connectionId }: SeedPlace, number: number): Member {
  const attributes = { userName: `n${number}@${nameMark}` };
  const fields = { projectId, attributes, role: null, access: "none", connectionId } as const;
  return { ...newMember(fields, "2026-01-01T00:00:00.000Z"), number, homeNumber: number };
}

async function putAll(
  documents: DynamoDBDocumentClient,
  tableName: string,
  items: readonly Item[],
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(items.length / 25) }, (_, index) =>
    items.slice(index * 25, index * 25 + 25),
  );
  const writer = async () => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const requests = batch.map((Item) => ({ PutRequest: { Item } }));
      await documents.send(new BatchWriteCommand({ RequestItems: { [tableName]: requests } }));
    }
  };
  await Promise.all([writer(), writer(), writer(), writer()]);
}

async function countNumbers(
  documents: DynamoDBDocumentClient,
  { tableName, projectId }: SeedPlace,
  numbers: readonly number[],
): Promise<void> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": seatsPartition(projectId) },
    }),
  );
  const next = Math.floor(Math.max(...numbers) / stripes) + 1;
  for (const [stripe] of Items.entries()) {
    await documents.send(
      new UpdateCommand({
        TableName: tableName,
        Key: { ...seatPoolKey(projectId, stripe) },
        UpdateExpression: "SET #next = :next ADD readersUsed :used",
        ExpressionAttributeNames: { "#next": "next" },
        ExpressionAttributeValues: {
          ":next": next,
          ":used": numbers.filter((number) => number % stripes === stripe).length,
        },
      }),
    );
  }
}
