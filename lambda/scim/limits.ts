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
/** Operations in one bulk request. DESIGN §4; what one function does in the time it has (`bulkBudgetMs`), with room to spare. */
export const bulkOperationsMax = 1_000;
/** Characters of a bulkId, or of an id in an operation's path. Our choice: both are repeated in the answer, which has to fit. */
export const bulkIdLengthMax = 256;
/** Names in `attributes` or `excludedAttributes`. Our choice: more than any schema served here declares. */
export const projectionNamesMax = 256;
/** Resources on a page when `count` is absent. API.md §4. */
export const pageSizeDefault = 100;
/** Resources on a page at most. API.md §4. */
export const pageSizeMax = 500;
/** Seconds between two pages by cursor at most. Our choice, RFC 9865's own example: an import may pause, not stay for days. */
export const cursorTimeoutSeconds = 3_600;
/** Elements of one multi-valued attribute of a user. Our choice, far above what IdPs send, so that no work is quadratic in a hostile body. */
export const valuesPerAttributeMax = 500;
/** Bytes of one resource as JSON. DESIGN §4: 256 KB; a DynamoDB item holds 400 KB (AWS quota). */
export const resourceBytesMax = 256 * 1024;
/** Attributes set or removed by one request, keys of pathless PATCH values included. Our choice: 5 for each of `patchOperationsMax`. */
export const attributeChangesMax = 5_000;
/**
 * What the operations of one request may cost, in looks at the elements of multi-valued attributes. An operation looks once
 * at each element, once more for each node of its path's filter or each set of sub-attributes its value lists for
 * removal, and `looksPerRewrite` times at each one it makes. Our choice: 2,500,000 take about a second of a core's
 * time; 1,000 operations that each pick one of 500 elements by a conjunction of two, more than any IdP sends, need 2,000,000.
 */
export const elementLooksMax = 2_500_000;
/** Measured: making an element costs as much as looking at it some 16 times. */
export const looksPerRewrite = 16;
/** Characters that one look covers, of an element as JSON and of a filter's literal; longer ones take more. Our choice: a usual e-mail or role. */
export const charactersPerLook = 64;
/** Combining marks in a row in a text that is normalised. Unicode's Stream-Safe Text Format (UAX #15 §13). */
export const combiningMarksMax = 30;
/** Member ids in one POST, PUT or PATCH of a group. DESIGN §4; Okta sends up to 256, PUT of a whole group all of them. */
export const membersPerRequestMax = 20_000;
