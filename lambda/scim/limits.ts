/** Every bound of the protocol core, named, with its origin. Crossing one is a 4xx that names it. */

/** Characters of a filter or PATCH path. DESIGN §4: 4 KB; IdPs send under 300. */
export const filterLengthMax = 4_096;
/** Comparisons and operators in one filter. DESIGN §4. */
export const filterNodesMax = 64;
/** Nested parentheses, brackets and nots in one filter. DESIGN §4. */
export const filterDepthMax = 32;
/** Nested objects and arrays in a JSON body. DESIGN §4; SCIM itself needs 4 (RFC 7643 §2.3.8 forbids deeper nesting). */
export const jsonDepthMax = 32;
/** Operations in one PATCH request. DESIGN §4; Okta sends up to 256 values in one operation, authentik up to `bulk.maxOperations` operations. */
export const patchOperationsMax = 1_000;
/** Names in `attributes` or `excludedAttributes`. Our choice: more than any schema served here declares. */
export const projectionNamesMax = 256;
/** Resources on a page when `count` is absent. API.md §4. */
export const pageSizeDefault = 100;
/** Resources on a page at most. API.md §4. */
export const pageSizeMax = 500;
/** Elements of one multi-valued attribute of a user. Our choice, far above what IdPs send, so that no work is quadratic in a hostile body. */
export const valuesPerAttributeMax = 500;
/** Bytes of one resource as JSON. DESIGN §4: 256 KB; a DynamoDB item holds 400 KB (AWS quota). */
export const resourceBytesMax = 256 * 1024;
/** Attributes set or removed by one request, keys of pathless PATCH values included. Our choice: 5 for each of `patchOperationsMax`. */
export const attributeChangesMax = 5_000;
/**
 * Looks at elements of multi-valued attributes that one request's operations may cost: an operation looks once at each
 * element, and once more for each node of its path's filter, or each set of sub-attributes its value lists for removal; at
 * an element of more than `charactersPerLook` as often again. PLACEHOLDER
 */
export const elementLooksMax = 4_000_000;
/** Characters of an element, as JSON, that count as one look: no IdP's e-mail, role or address is longer. */
export const charactersPerLook = 64;
/** Member ids in one POST, PUT or PATCH of a group. DESIGN §4; Okta sends up to 256, PUT of a whole group all of them. */
export const membersPerRequestMax = 20_000;
