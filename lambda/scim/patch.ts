import { type AttributeOperation, applyOperation } from "./apply-operation.ts";
import { asciiLower } from "./attribute-name.ts";
import { bodyEntries, extensionPaths, isStored, readPathValue, schemaEntries } from "./body-entries.ts";
import { checkAttributes } from "./check-attributes.ts";
import { invalidPath, invalidSyntax, invalidValue, mutability, noTarget, payloadTooLarge } from "./error.ts";
import { foldedKeys } from "./folded-keys.ts";
import { isArray, isObject, type JsonValue, ownValue } from "./json.ts";
import { attributeChangesMax, membersPerRequestMax, patchOperationsMax } from "./limits.ts";
import { type MembershipChange, readMembershipChange } from "./membership-change.ts";
import { type AttributePath, parsePath, printPath } from "./path.ts";
import { type ScimAttributes, sameAttributes } from "./resource.ts";
import type { ResourceType } from "./schema.ts";
import { groupMembers } from "./schemas/group.ts";
import { valueAt, withValueAt } from "./value-at.ts";
import { Work } from "./work.ts";

/** One step of a PATCH. An operation of the request becomes one for each attribute its pathless value speaks of. */
export type PatchOperation =
  | { readonly kind: "attribute"; readonly operation: AttributeOperation }
  | MembersOperation
  /** An `id` inside a pathless value: Okta sends it with each change; it must be the resource's own (idp-traffic §2). */
  | { readonly kind: "id"; readonly id: JsonValue };

interface MembersOperation {
  readonly kind: "members";
  readonly path: AttributePath;
  readonly change: MembershipChange;
}

/**
 * Body of PATCH → its steps, checked as far as they can be without the resource (RFC 7644 §3.5.2). 400 `invalidSyntax` when
 * it has no operations, else the error of the first bad one. Steps into schemas this type does not have, and on
 * passwords, are left out.
 */
export function readPatch(type: ResourceType, body: JsonValue): readonly PatchOperation[] {
  const operations = readMessage(body).flatMap((item, index) => readOperation(type, item, index));
  if (operations.length > attributeChangesMax) {
    throw payloadTooLarge(
      `The request changes more than ${attributeChangesMax} attributes (attributeChangesMax); split it.`,
    );
  }
  const memberCount = operations.reduce(
    (count, operation) => count + idsOf(membershipChange(operation)).length,
    0,
  );
  if (memberCount > membersPerRequestMax) {
    throw payloadTooLarge(
      `The request names more than ${membersPerRequestMax} members (membersPerRequestMax); split it.`,
    );
  }
  return operations;
}

/**
 * Attributes → attributes after all steps, each working on the result of the one before; or an error and no change at all.
 * When nothing changed it returns the very object it was given (RFC 7644 §3.5.2.1: no new version then).
 * `options.id` is the resource's id, with which an `id` inside a pathless value must agree: else 400 `mutability`.
 * 413 when the steps are more work than `elementLooksMax`.
 */
export function applyPatch(
  type: ResourceType,
  attributes: ScimAttributes,
  operations: readonly PatchOperation[],
  options: { readonly id?: string } = {},
): ScimAttributes {
  checkId(operations, options.id);
  const work = new Work();
  const changed = operations.reduce(
    (before: ScimAttributes, step) =>
      step.kind === "attribute" ? applyOperation(before, step.operation, work) : before,
    attributes,
  );
  const result = checkAttributes(type, withMembers(changed, operations));
  return sameAttributes(attributes, result) ? attributes : result;
}

/** What an operation does to a group's members; undefined when it does nothing to them. */
export function membershipChange(operation: PatchOperation): MembershipChange | undefined {
  return operation.kind === "members" ? operation.change : undefined;
}

/** For callers that carry out a group's operations themselves: 400 `mutability` when an operation gives another `id`. */
export function checkId(operations: readonly PatchOperation[], id: string | undefined): void {
  if (id === undefined) return;
  const differs = operations.some((operation) => operation.kind === "id" && operation.id !== id);
  if (differs) throw mutability(`Attribute id is read-only and here ${JSON.stringify(id)}; leave it out.`);
}

type OperationName = AttributeOperation["op"];

/** `schemas` is not looked at: it may be wrong or missing where the body says enough otherwise (API.md §4), as Operations do. */
function readMessage(body: JsonValue): readonly JsonValue[] {
  if (!isObject(body)) throw invalidSyntax("The body is not a JSON object; send one PatchOp message.");
  const keys = foldedKeys(body);
  const operations = keys.get("operations");
  if (!isArray(operations) || operations.length === 0) {
    throw invalidSyntax("Attribute Operations is missing or empty; send an array of at least one operation.");
  }
  if (operations.length > patchOperationsMax) {
    throw payloadTooLarge(
      `Attribute Operations has more than ${patchOperationsMax} operations (patchOperationsMax); split it.`,
    );
  }
  return operations;
}

/** Anything else in an operation, such as Entra's `name`, is ignored (idp-traffic §1.4). */
function readOperation(type: ResourceType, item: JsonValue, index: number): readonly PatchOperation[] {
  if (!isObject(item)) {
    throw invalidSyntax(`Operations[${index}] is not an object; send op, path and value in one.`);
  }
  const keys = foldedKeys(item);
  const op = readOp(keys.get("op"), index);
  const path = keys.get("path") ?? "";
  if (typeof path !== "string") throw invalidPath(`Operations[${index}].path is not a string; correct it.`);
  return path === ""
    ? readPathless(type, op, keys.get("value"))
    : readWithPath(type, op, path, keys.get("value"));
}

function readOp(op: JsonValue | undefined, index: number): OperationName {
  const name = typeof op === "string" ? asciiLower(op) : undefined; // Entra writes Add, Replace, Remove
  if (name === "add" || name === "remove" || name === "replace") return name;
  throw invalidSyntax(`Operations[${index}].op is not one of add, remove, replace; correct it.`);
}

function readPathless(
  type: ResourceType,
  op: OperationName,
  value: JsonValue | undefined,
): readonly PatchOperation[] {
  if (op === "remove") throw noTarget("A remove operation needs a path; name the attribute to remove.");
  if (!isObject(value)) {
    throw invalidValue(
      `An operation without a path needs an object as its value; send the attributes in one.`,
    );
  }
  return bodyEntries(type, value).flatMap((entry) => stepOfEntry(op, entry.path, entry.value));
}

function readWithPath(
  type: ResourceType,
  op: OperationName,
  text: string,
  value: JsonValue | undefined,
): readonly PatchOperation[] {
  const path = parsePath(type, text);
  switch (path.kind) {
    case "foreign":
      return [];
    case "schema":
      if (path.schema === type.schema) return readPathless(type, op, value);
      if (op === "remove") return extensionPaths(path.schema).map((removed) => step(op, removed, undefined));
      if (value === undefined) throw needsValue(text);
      return schemaEntries(type, path.schema, value).flatMap((entry) =>
        stepOfEntry(op, entry.path, entry.value),
      );
    case "attribute":
      if (path.attribute.mutability === "readOnly" || path.sub?.mutability === "readOnly") {
        throw mutability(`Attribute ${printPath(path)} is read-only; leave it out.`);
      }
      return isStored(path) ? [step(op, path, value)] : [];
  }
}

/** Read-only attributes that come along inside a value are ignored; `id` is compared when the resource is known. */
function stepOfEntry(op: OperationName, path: AttributePath, value: JsonValue): readonly PatchOperation[] {
  if (path.attribute.name === "id") return value === null ? [] : [{ kind: "id", id: value }];
  return isStored(path) ? [step(op, path, value)] : [];
}

function step(op: OperationName, path: AttributePath, value: JsonValue | undefined): PatchOperation {
  if (path.attribute === groupMembers) {
    return { kind: "members", path, change: readMembershipChange(op, path, value) };
  }
  if (op === "remove") {
    // null and "" are no value; an empty list is one, that names nothing.
    const listed = value === undefined || value === null || value === "" ? undefined : value;
    const read = listed === undefined ? undefined : readPathValue(path, listed, "oneOrArray");
    return { kind: "attribute", operation: { op, path, value: read } };
  }
  if (value === undefined) throw needsValue(printPath(path));
  return { kind: "attribute", operation: { op, path, value: readPathValue(path, value, "oneOrArray") } };
}

/**
 * All that the operations do to a group's members, in one pass at the end, since no other attribute has to do with them:
 * authentik sends 1,000 operations of one member each, and a group may hold 20,000.
 */
function withMembers(attributes: ScimAttributes, operations: readonly PatchOperation[]): ScimAttributes {
  const steps = operations.filter((operation): operation is MembersOperation => operation.kind === "members");
  const path = steps[0]?.path;
  if (!path) return attributes;
  const current = valueAt(attributes, path);
  const members = new Map((isArray(current) ? current : []).map((member) => [idOf(member), member]));
  for (const { change } of steps) {
    if (change.kind === "clear" || change.kind === "replace") members.clear();
    for (const id of idsOf(change)) {
      if (change.kind === "remove") members.delete(id);
      else if (!members.has(id)) members.set(id, { value: id });
    }
  }
  return withValueAt(attributes, path, members.size === 0 ? undefined : [...members.values()]);
}

function idOf(member: JsonValue): JsonValue | undefined {
  return isObject(member) ? ownValue(member, "value") : undefined;
}

function idsOf(change: MembershipChange | undefined): readonly string[] {
  return change === undefined || change.kind === "clear" ? [] : change.ids;
}

function needsValue(path: string): Error {
  return invalidValue(`The operation on ${path} needs a value; send one, or null to clear.`);
}
