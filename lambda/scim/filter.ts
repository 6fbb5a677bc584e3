import { type AttributeName, asciiLower, parseAttributeName, printAttributeName } from "./attribute-name.ts";
import { invalidFilter } from "./error.ts";
import { filterDepthMax, filterLengthMax, filterNodesMax } from "./limits.ts";

export type CompareOperator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";

/** A comparison's right side: a JSON literal (RFC 7644 §3.4.2.2). */
export type Literal = string | number | boolean | null;

/** A filter as written, not yet resolved against a schema (`checkFilter` does that). */
export type Filter =
  | { readonly kind: "and" | "or"; readonly filters: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | {
      readonly kind: "compare";
      readonly name: AttributeName;
      readonly operator: CompareOperator;
      readonly value: Literal;
    }
  | { readonly kind: "present"; readonly name: AttributeName }
  | { readonly kind: "valuePath"; readonly name: AttributeName; readonly filter: Filter };

/**
 * Text → tree (RFC 7644 figure 1). Names and operators in any case; precedence is grouping, not, and, or.
 * `emails[type eq "work"].value eq "x"`, Entra's matching query, is outside the grammar; it is read as the value path
 * `emails[type eq "work" and value eq "x"]`, one element that meets both.
 *
 * 400 `invalidFilter` names the position and what was expected there. Bounded by `filterLengthMax`, `filterNodesMax` and
 * `filterDepthMax`.
 */
export function parseFilter(text: string): Filter {
  const parser = new FilterParser(text, 0);
  const filter = parser.or(0);
  parser.end();
  return filter;
}

/** The filter in a value path's brackets: from just behind the "[" to just behind the "]". */
export function parseBracketed(
  text: string,
  from: number,
): { readonly filter: Filter; readonly end: number } {
  const parser = new FilterParser(text, from);
  const filter = parser.bracketed(0);
  return { filter, end: parser.position };
}

/** The inverse of `parseFilter`: parsing the text gives the same tree. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.filters.map(printOperand).join(` ${filter.kind} `);
    case "not":
      return `not (${printFilter(filter.filter)})`;
    case "compare":
      return `${printAttributeName(filter.name)} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case "present":
      return `${printAttributeName(filter.name)} pr`;
    case "valuePath":
      return `${printAttributeName(filter.name)}[${printFilter(filter.filter)}]`;
  }
}

function printOperand(filter: Filter): string {
  const grouped = filter.kind === "and" || filter.kind === "or";
  return grouped ? `(${printFilter(filter)})` : printFilter(filter);
}

const compareOperators: ReadonlySet<string> = new Set(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);

const operatorsExpected = "one of eq, ne, co, sw, ew, gt, ge, lt, le, pr";

/** Recursive descent in one pass; `depth` counts open brackets of either kind, so that the recursion is bounded. */
class FilterParser {
  position: number;
  readonly #text: string;
  #nodes = 0;

  constructor(text: string, position: number) {
    if (text.length > filterLengthMax) {
      throw invalidFilter(
        `The filter is longer than ${filterLengthMax} characters (filterLengthMax); send a shorter one.`,
      );
    }
    this.#text = text;
    this.position = position;
  }

  or(depth: number): Filter {
    return this.#joined("or", () => this.#joined("and", () => this.#operand(depth)));
  }

  end(): void {
    this.#skipBlanks();
    if (this.position < this.#text.length) throw this.#expected('"and", "or" or the end');
  }

  bracketed(depth: number): Filter {
    const filter = this.or(depth + 1);
    this.#take("]");
    return filter;
  }

  #joined(kind: "and" | "or", operand: () => Filter): Filter {
    const filters = [operand()];
    while (this.#takeWord(kind)) filters.push(operand());
    return filters.length === 1 ? filters[0]! : this.#node({ kind, filters });
  }

  #operand(depth: number): Filter {
    if (depth > filterDepthMax) {
      throw invalidFilter(
        `The filter nests deeper than ${filterDepthMax} levels (filterDepthMax); send a flatter one.`,
      );
    }
    this.#skipBlanks();
    if (this.#peek() === "(") return this.#group(depth);
    const start = this.position;
    const word = this.#word();
    this.#skipBlanks();
    // RFC 7644 prints `not(` in the grammar and `not (` in the examples.
    if (asciiLower(word) === "not" && this.#peek() === "(") {
      return this.#node({ kind: "not", filter: this.#group(depth) });
    }
    const name = parseAttributeName(word);
    if (!name) throw this.#expected("an attribute name", start);
    if (this.#peek() !== "[") return this.#comparison(name);
    this.position++;
    return this.#valuePath(name, depth);
  }

  #group(depth: number): Filter {
    this.#take("(");
    const filter = this.or(depth + 1);
    this.#take(")");
    return filter;
  }

  #valuePath(name: AttributeName, depth: number): Filter {
    const filter = this.bracketed(depth);
    if (this.#peek() !== ".") return this.#node({ kind: "valuePath", name, filter });
    this.position++;
    const start = this.position;
    const sub = parseAttributeName(this.#word());
    if (!sub || sub.urn !== undefined || sub.sub !== undefined) {
      throw this.#expected("a sub-attribute name", start);
    }
    const both = this.#node({ kind: "and", filters: [filter, this.#comparison(sub)] });
    return this.#node({ kind: "valuePath", name, filter: both });
  }

  #comparison(name: AttributeName): Filter {
    this.#skipBlanks();
    const start = this.position;
    const operator = asciiLower(this.#word());
    if (operator === "pr") return this.#node({ kind: "present", name });
    if (!isCompareOperator(operator)) throw this.#expected(operatorsExpected, start);
    return this.#node({ kind: "compare", name, operator, value: this.#literal() });
  }

  #literal(): Literal {
    this.#skipBlanks();
    const start = this.position;
    const text = this.#peek() === '"' ? this.#quoted() : this.#word();
    switch (asciiLower(text)) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
    }
    const value = parseStringOrNumber(text);
    if (value === undefined) {
      throw this.#expected('a value: a "quoted string", a number, true, false or null', start);
    }
    return value;
  }

  /** The string with its quotes and escapes; JSON.parse decodes it. */
  #quoted(): string {
    const start = this.position;
    for (let at = start + 1; at < this.#text.length; at++) {
      const character = this.#text[at];
      if (character === "\\") at++;
      else if (character === '"') {
        this.position = at + 1;
        return this.#text.slice(start, this.position);
      }
    }
    throw this.#expected("a closing quote", this.#text.length);
  }

  #word(): string {
    const start = this.position;
    while (this.position < this.#text.length && !isDelimiter(this.#text[this.position]!)) this.position++;
    return this.#text.slice(start, this.position);
  }

  #takeWord(wanted: string): boolean {
    const before = this.position;
    this.#skipBlanks();
    if (asciiLower(this.#word()) === wanted) return true;
    this.position = before;
    return false;
  }

  #take(character: string): void {
    this.#skipBlanks();
    if (this.#peek() !== character) throw this.#expected(`"${character}"`);
    this.position++;
  }

  #peek(): string | undefined {
    return this.#text[this.position];
  }

  #skipBlanks(): void {
    while (isBlank(this.#peek())) this.position++;
  }

  #node(filter: Filter): Filter {
    this.#nodes++;
    if (this.#nodes > filterNodesMax) {
      throw invalidFilter(
        `The filter has more than ${filterNodesMax} comparisons and operators (filterNodesMax); send a smaller one.`,
      );
    }
    return filter;
  }

  #expected(what: string, position = this.position): Error {
    const found =
      position < this.#text.length
        ? `found ${JSON.stringify(this.#text.slice(position, position + 20))}`
        : "the filter ends";
    return invalidFilter(
      `The filter cannot be read at character ${position + 1}: expected ${what}, but ${found}.`,
    );
  }
}

function isCompareOperator(word: string): word is CompareOperator {
  return compareOperators.has(word);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\n" || character === "\r";
}

function isDelimiter(character: string): boolean {
  return isBlank(character) || '()[]"'.includes(character);
}

/** JSON's own reading of a literal. Zero has one sign; what no double or no UTF-8 text can hold is refused. */
function parseStringOrNumber(text: string): string | number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "string") return value.isWellFormed() ? value : undefined;
    return typeof value === "number" && Number.isFinite(value) ? value + 0 : undefined;
  } catch {
    return undefined;
  }
}
