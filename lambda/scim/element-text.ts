import { canonicalText, isObject, type JsonObject, type JsonValue } from "./json.ts";

/** `canonicalText` of an element, made once: most elements pass unchanged through all the operations of a request. */
export const textOf = oncePerElement(canonicalText);

/** What is derived from an element, kept as long as the element is: elements never change, they are replaced. */
export function oncePerElement(derive: (element: JsonValue) => string): (element: JsonValue) => string {
  const derived = new WeakMap<JsonObject, string>();
  return (element) => {
    if (!isObject(element)) return derive(element);
    let text = derived.get(element);
    if (text === undefined) {
      text = derive(element);
      derived.set(element, text);
    }
    return text;
  };
}
