import { readFileSync } from "node:fs";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { readDeployOptions } from "../../lib/deploy-options.ts";
import { addRollcall } from "../../lib/rollcall-app.ts";

const cdkJson: { context: Record<string, unknown> } = JSON.parse(
  readFileSync(new URL("../../cdk.json", import.meta.url), "utf8"),
);

/** The app as `cdk synth` builds it, feature flags included, but with the handlers not bundled. */
export function rollcallApp(options: Readonly<Record<`rollcall:${string}`, unknown>> = {}) {
  // CDK's check against CloudFormation's schemas takes 2 s in each test process; `npm run check` has it in `cdk synth`.
  process.env["CDK_VALIDATION"] = "false";
  const app = new App({ context: { ...cdkJson.context, ...options, "aws:cdk:bundling-stacks": [] } });
  return { app, ...addRollcall(app, readDeployOptions(app.node.getAllContext())) };
}

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template is JSON of some 30 resource types; the tests look at known ones
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: readonly string[];
}

/** Both templates, each with its resources by type. */
export function synthesize(options: Readonly<Record<`rollcall:${string}`, unknown>> = {}) {
  const { data, service } = rollcallApp(options);
  return { data: read(Template.fromStack(data)), service: read(Template.fromStack(service)) };
}

function read(template: Template) {
  return {
    template,
    outputs: template.toJSON()["Outputs"] as Record<string, { Value: unknown }>,
    ofType: (type: string): Readonly<Record<string, Resource>> => template.findResources(type) as never,
    only: (type: string): Resource => {
      const found = Object.values(template.findResources(type));
      if (found.length !== 1) throw new Error(`${found.length} resources of type ${type} instead of one`);
      return found[0] as never;
    },
  };
}

/** The text of an `Fn::Join`, with references shown as `<LogicalId>`. */
export function joined(value: unknown): string {
  if (typeof value === "string") return value;
  const object = value as Record<string, unknown>;
  if ("Ref" in object) return `<${object["Ref"]}>`;
  if ("Fn::GetAtt" in object) return `<${(object["Fn::GetAtt"] as string[]).join(".")}>`;
  if ("Fn::ImportValue" in object) return `<${object["Fn::ImportValue"]}>`;
  if ("Fn::Join" in object) {
    const [separator, parts] = object["Fn::Join"] as [string, unknown[]];
    return parts.map(joined).join(separator);
  }
  throw new Error(`no text: ${JSON.stringify(value)}`);
}
