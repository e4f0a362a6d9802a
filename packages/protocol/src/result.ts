/**
 * A refusal is a value: what a caller may not have is returned, never thrown.
 * Pure; shared by the codecs, the core and every session.
 */

/** Either a value or a refusal out of a small literal union. */
export type Result<T, R extends string> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: R; readonly detail?: string }

/** @returns the accepted arm. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}

/**
 * @param detail says what to do next; public, so it never holds a secret or another tenant's id.
 * @returns the refused arm.
 */
export function refuse<R extends string>(
  refusal: R,
  detail?: string,
): { readonly ok: false; readonly refusal: R; readonly detail?: string } {
  return detail === undefined ? { ok: false, refusal } : { ok: false, refusal, detail }
}
