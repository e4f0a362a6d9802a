/**
 * What a rule of the tidy check reports. Every rule is a pure function from the read tree to
 * findings.
 */

export interface Finding {
  /** Path from the root, forward slashes. */
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly what: string
  readonly why: string
  /** What to do about it. */
  readonly remedy: string
}

/** `file:line: what, why, what to do`, so that editors and terminals make it a link. */
export function formatFinding({ file, line, what, why, remedy }: Finding): string {
  return `${file}:${line}: ${what}, ${why}, ${remedy}`
}
