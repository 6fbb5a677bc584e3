import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { expect, test } from "vitest";
import { startStreamPumps } from "../../bin/local/stream-pumps.ts";
import { propagationMapping, type StreamMapping } from "../../lambda/stream/stream-mapping.ts";
import { newStreamsClient } from "../support/stream.ts";
import { startTable } from "../support/table.ts";

// What one pump does is in stream-pump.test.ts.

const ofEverything: StreamMapping = { ...propagationMapping, filters: [{}], batchSize: 1 };

test("several mappings read for themselves: what one gives up another is done with", async () => {
  const table = await startTable({ stream: true });
  const put = (sk: string) =>
    table.client.send(
      new PutItemCommand({ TableName: table.tableName, Item: { pk: { S: "G#p" }, sk: { S: sk } } }),
    );
  const seen: string[] = [];
  const [secondIsThere, letGo, allSeen] = [signal(), signal(), signal()];
  const pumps = await startStreamPumps(
    {
      client: newStreamsClient(table.endpoint),
      streamArn: table.streamArn!,
      sleep: async () => {},
      warn: () => {},
    },
    [
      {
        mapping: { ...ofEverything, retryAttempts: 0 },
        async handler({ Records: [record] }) {
          if (record?.dynamodb?.Keys?.["sk"]?.S !== "b") return;
          secondIsThere.give();
          await letGo.given;
          throw new Error("not this one");
        },
      },
      {
        mapping: { ...ofEverything, functionName: "activity" },
        async handler({ Records: [record] }, { functionName }) {
          seen.push(`${functionName} ${record?.dynamodb?.Keys?.["sk"]?.S}`);
          if (seen.length === 3) allSeen.give();
        },
      },
    ],
  );
  try {
    for (const sk of ["a", "b", "c"]) await put(sk);
    await Promise.all([secondIsThere.given, allSeen.given]);
    expect(seen).toEqual(["activity a", "activity b", "activity c"]);
    // Nobody is done with what the slower one is not.
    expect([...pumps.positions.values()]).toEqual(["1"]);
    letGo.give();
    await pumps.drain();
    expect(pumps.parked).toMatchObject([{ condition: "RetryAttemptsExhausted" }]);
    expect([...pumps.positions.values()]).toEqual(["3"]);
  } finally {
    await pumps.stop();
    await table.stop();
  }
});

function signal() {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

test("a stream that cannot be read is an error", async () => {
  const table = await startTable();
  try {
    const starting = startStreamPumps(
      {
        client: newStreamsClient(table.endpoint),
        streamArn: "arn:aws:dynamodb:us-east-1:0:table/x/stream/1",
      },
      [{ mapping: propagationMapping, handler: async () => {} }],
    );
    await expect(starting).rejects.toThrow();
  } finally {
    await table.stop();
  }
});
