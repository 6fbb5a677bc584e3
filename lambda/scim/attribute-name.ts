/** An attribute named in a filter, path or parameter, as written: `[urn:]name[.sub]` (RFC 7644 §3.10). */
export interface AttributeName {
  readonly urn?: string;
  readonly name: string;
  readonly sub?: string;
}

/**
 * Undefined when the text is no attribute name. URNs contain dots (`…:2.0:User:name.givenName`), so a qualified name is
 * cut at its last colon first, and at the first dot after it then. What follows a URN is checked for its characters
 * only: a misspelt URN (`…enterprise:2.0User`, Entra's documentation) is a foreign name, not a malformed one.
 */
export function parseAttributeName(text: string): AttributeName | undefined {
  const colon = isQualified(text) ? text.lastIndexOf(":") : -1;
  const urn = colon < 0 ? undefined : text.slice(0, colon);
  const local = text.slice(colon + 1);
  const dot = local.indexOf(".");
  const name = dot < 0 ? local : local.slice(0, dot);
  const sub = dot < 0 ? undefined : local.slice(dot + 1);
  const isName = urn === undefined ? isPlainName : isForeignName;
  if (!isName(name) || (sub !== undefined && !isName(sub))) return undefined;
  return { ...(urn !== undefined && { urn }), name, ...(sub !== undefined && { sub }) };
}

export function printAttributeName({ urn, name, sub }: AttributeName): string {
  return `${urn === undefined ? "" : `${urn}:`}${name}${sub === undefined ? "" : `.${sub}`}`;
}

/** Attribute names and URNs compare without ASCII case (RFC 7643 §2.1); `toLowerCase` would also fold the Kelvin sign. */
export function asciiLower(text: string): string {
  let lower = "";
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) {
      lower += text.slice(copied, at) + String.fromCharCode(code + 0x20);
      copied = at + 1;
    }
  }
  return copied === 0 ? text : lower + text.slice(copied);
}

function isQualified(text: string): boolean {
  const start = asciiLower(text.slice(0, 6));
  return start.startsWith("urn:") || start.startsWith("http:") || start.startsWith("https:");
}

/** ATTRNAME = ALPHA *(nameChar) (RFC 7644 figure 1), and `$ref`. */
function isPlainName(text: string): boolean {
  return (
    text !== "" && (isAlpha(text.charCodeAt(0)) || text.startsWith("$")) && everyNameCode(text.slice(1), "-_")
  );
}

function isForeignName(text: string): boolean {
  return text !== "" && everyNameCode(text, "-_$./");
}

function everyNameCode(text: string, others: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isAlpha(code) && !isDigit(code) && !others.includes(text[at]!)) return false;
  }
  return true;
}

function isAlpha(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
