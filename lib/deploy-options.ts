import { RetentionDays } from "aws-cdk-lib/aws-logs";
import * as z from "zod";

/** A log group takes only these (CloudWatch Logs API reference, PutRetentionPolicy); 9999 is CDK's word for "for ever". */
const retentionDays = Object.values(RetentionDays).filter((value) => typeof value === "number");

const wholeNumber = z.coerce.number().int().positive();

/**
 * What a deployment may choose, given as CDK context under the prefix `rollcall:`, on the command line
 * (`-c rollcall:alarmEmail=ops@example.com`) or in cdk.json. docs/deploy.md has the table for readers.
 */
const optionsSchema = z.strictObject({
  /** Begins the names of both stacks; a second deployment in the same account and Region needs another. */
  stackPrefix: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,100}$/) // CloudFormation's rule for stack names (128), less our suffix
    .default("Rollcall"),
  /** First segment of the default endpoint's URLs. */
  stageName: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/) // API Gateway's rule
    .default("prod"),
  /** A month: long enough to look into last week's sync. The audit trail of changes is in the table, not in the logs. */
  logRetentionDays: wholeNumber
    .refine((days) => retentionDays.includes(days), {
      error: `must be one of CloudWatch's periods: ${retentionDays.join(", ")}`,
    })
    .default(RetentionDays.ONE_MONTH),
  /** Over all callers. Five times what one connection must sustain (DESIGN §2: 100 creates a second). */
  throttleRatePerSecond: wholeNumber.default(500),
  /** How many may come at once above that. Two seconds' worth; within the smallest account's quota, which is 1,250. */
  throttleBurst: wholeNumber.default(1_000),
  alarmEmail: z.email().optional(),
  /** Use this table instead of the data stack's: the way back from a restored backup. */
  tableName: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{3,255}$/) // DynamoDB's rule
    .optional(),
  /** That table's stream, which only it can know: without it nothing is propagated. */
  streamArn: z
    .string()
    .regex(/^arn:[^:]+:dynamodb:[^:]+:\d{12}:table\/[^/]+\/stream\/.+$/)
    .optional(),
  /** `existing` where somebody else has set the account's API Gateway log role. */
  logRole: z.enum(["create", "existing"]).default("create"),
});

/** The options together: another table's stream would ring for what is not there. */
const wholeSchema = optionsSchema.refine(
  ({ tableName, streamArn }) => streamArn === undefined || streamArn.includes(`:table/${tableName}/`),
  { path: ["streamArn"], error: "must be the stream of the table in rollcall:tableName" },
);

export type DeployOptions = z.output<typeof optionsSchema>;

const prefix = "rollcall:";

/** As they are given, prefix included. */
export const deployOptionNames = Object.keys(optionsSchema.shape).map((name) => prefix + name);

/** Reads the options out of the app's context; throws an Error of one line per option that is unknown or wrong. */
export function readDeployOptions(context: Readonly<Record<string, unknown>>): DeployOptions {
  const given = Object.entries(context)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  const parsed = wholeSchema.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const lines = parsed.error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys.map((key) => `${prefix}${key}: there is no such option`)
        : [`${prefix}${issue.path.join(".")}: ${issue.message}`],
    );
    throw new Error(
      ["The deployment's options are wrong.", ...lines, `There are: ${deployOptionNames.join(", ")}`].join(
        "\n",
      ),
    );
  }
  return parsed.data;
}
