import type { Attribute } from "../schema.ts";

type Given = Pick<Attribute, "name" | "description"> & Partial<Attribute>;

/** An attribute with the defaults of RFC 7643 §2.2: an optional, case-insensitive string that clients read and write. */
export function attribute(given: Given): Attribute {
  return {
    type: "string",
    multiValued: false,
    required: false,
    caseExact: false,
    mutability: "readWrite",
    returned: "default",
    uniqueness: "none",
    ...given,
  };
}

/** A multi-valued complex attribute of the common shape: value, display, type, primary (RFC 7643 §2.4). */
export function multiValued(
  given: Given & { readonly value?: Partial<Attribute>; readonly types?: readonly string[] },
): Attribute {
  const { value, types, ...rest } = given;
  return attribute({
    type: "complex",
    multiValued: true,
    subAttributes: [
      attribute({ name: "value", description: "The value itself.", ...value }),
      attribute({ name: "display", description: "A name for display." }),
      attribute({
        name: "type",
        description: "A label that says what the value is for.",
        ...(types && { canonicalValues: types }),
      }),
      attribute({
        name: "primary",
        type: "boolean",
        description: "Whether this value is the preferred one; true at most once.",
      }),
    ],
    ...rest,
  });
}
