/**
 * Fills a connection with users without a transaction a user: the same items the service writes, made by its own item
 * builders, put by BatchWriteItem. The embedded engine does a few hundred transactions a second, and thousands of items.
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
import { seatPoolKey, seatsPartition } from "../../lambda/table/keys.ts";
import { memberRowItem, memberWrites, unclaimed } from "../../lambda/table/members.ts";
import { stripes } from "../../lambda/table/numbers.ts";
import { rosterItems } from "../../lambda/table/roster.ts";
import type { Item } from "../../lambda/table/store.ts";

export interface SeedOptions {
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly projectId: string;
  readonly connectionId: string;
  readonly count: number;
  /** Rows and rosters alone, a quarter of the items: nobody is found by a name. Default: everything. */
  readonly rowsOnly?: boolean;
}

const at = "2026-01-01T00:00:00.000Z";

/** The name of the n-th seeded user, from 0. */
export function seededUserName(index: number): string {
  return `seeded-${String(index).padStart(6, "0")}@example.com`;
}

/** About 1 KB as JSON, as IdPs send them; an active reader. */
export function seededAttributes(index: number): Member["attributes"] {
  const userName = seededUserName(index);
  return {
    userName,
    externalId: `ext-${String(index).padStart(6, "0")}`,
    active: true,
    displayName: `Seeded User ${index}`,
    name: { givenName: "Seeded", familyName: `User ${index}`, formatted: `Seeded User ${index}` },
    emails: [{ value: `mail.${userName}`, type: "work", primary: true }],
    phoneNumbers: [{ value: "+1 555 0100 200", type: "work" }],
    title: "Senior Technical Writer",
    nickName: "Seeded",
    profileUrl: `https://people.example.com/${userName}`,
    preferredLanguage: "en-US",
    locale: "en-US",
    timezone: "Europe/Berlin",
    addresses: [
      {
        type: "work",
        streetAddress: "100 Universal City Plaza, Building 4",
        locality: "Hollywood",
        region: "CA",
        postalCode: "91608",
        country: "US",
      },
    ],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
      employeeNumber: `E-${index}`,
      costCenter: "4130",
      organization: "Universal Studios",
      division: "Theme Park",
      department: "Documentation",
      manager: { value: "26118915-6090-4610-87e4-49d8ca9f808d" },
    },
  };
}

/** The connection must be new: numbers are given from 0 on. */
export async function seedUsers(options: SeedOptions): Promise<readonly Member[]> {
  const documents = DynamoDBDocumentClient.from(options.client, {
    marshallOptions: { removeUndefinedValues: true },
  });
  const members = Array.from({ length: options.count }, (_, index) => seededMember(options, index));
  const items: Item[] = members.flatMap((member) =>
    options.rowsOnly
      ? [memberRowItem(member, providerActor)]
      : memberWrites({ before: undefined }, member, () => unclaimed, providerActor).flatMap((write) =>
          "put" in write ? [write.put] : [],
        ),
  );
  await putAll(documents, options.tableName, [...items, ...rosterItems(members)]);
  await countSeats(documents, options);
  return members;
}

function seededMember({ projectId, connectionId }: SeedOptions, number: number): Member {
  const attributes = seededAttributes(number);
  const fresh = newMember({ projectId, attributes, role: null, access: "none", connectionId }, at);
  return { ...fresh, number, homeNumber: number };
}

async function countSeats(
  documents: DynamoDBDocumentClient,
  { tableName, projectId, count }: SeedOptions,
): Promise<void> {
  const { Items = [] } = await documents.send(
    new QueryCommand({
      TableName: tableName,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": seatsPartition(projectId) },
    }),
  );
  for (const [stripe] of Items.entries()) {
    const numbers = Math.floor((count - 1 - stripe) / stripes) + 1;
    await documents.send(
      new UpdateCommand({
        TableName: tableName,
        Key: { ...seatPoolKey(projectId, stripe) },
        UpdateExpression: "ADD #next :numbers, readersUsed :numbers",
        ExpressionAttributeNames: { "#next": "next" },
        ExpressionAttributeValues: { ":numbers": numbers },
      }),
    );
  }
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
