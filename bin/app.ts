/** The CDK app: `npx cdk synth`, `npx cdk deploy --all`. The choices it takes are in docs/deploy.md. */
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { readDeployOptions } from "../lib/deploy-options.ts";
import { addRollcall } from "../lib/rollcall-app.ts";

const app = new App();
addRollcall(app, readDeployOptions(app.node.getAllContext()));
// Beside CDK's own check of the templates against CloudFormation's schemas. Every acknowledged finding carries its
// reason where the construct is made; an unacknowledged one makes synth fail.
Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { verbose: true }));
