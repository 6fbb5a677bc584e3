/**
 * The outcome of reading a request, kept until it is known whether the caller may come in at all: whoever may not is
 * told so, and hears nothing about his request.
 */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

export function attempt<T>(compute: () => T): Attempt<T> {
  try {
    return { ok: true, value: compute() };
  } catch (error) {
    return { ok: false, error };
  }
}

export function unwrapped<T>(result: Attempt<T>): T {
  if (result.ok) {
    return result.value;
  }
  throw result.error;
}
