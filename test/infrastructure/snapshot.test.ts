import { expect, test } from "vitest";
import { synthesize } from "./synthesized.ts";

/**
 * Shows in review what a change of `lib` does to a deployment. What must hold is asserted in the other tests here.
 * Masked is what changes with the code of the handlers or with CDK's own bookkeeping.
 */
function masked(template: object): unknown {
  const text = JSON.stringify(template)
    .replaceAll(/\b[0-9a-f]{64}\.zip\b/g, "<asset>.zip")
    .replaceAll(/(ApiRestApiDeployment[0-9A-F]{8})[0-9a-f]{32}/g, "$1<hash>");
  return JSON.parse(text);
}

const { data, service } = synthesize();

test("the data stack's template", () => {
  expect(masked(data.template.toJSON())).toMatchSnapshot();
});

test("the service stack's template", () => {
  expect(masked(service.template.toJSON())).toMatchSnapshot();
});
