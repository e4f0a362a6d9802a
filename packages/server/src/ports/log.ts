/** Structured log. Adapters redact known secret fields; callers still never pass a secret. */
export type LogFields = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[]>
>

export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  /** @param error its stack is logged; its message must hold no secret. */
  error(event: string, error: unknown, fields?: LogFields): void
}
