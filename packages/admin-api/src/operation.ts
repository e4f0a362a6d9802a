/**
 * The shape of one administrative operation. The table in `operations.ts` is read by the HTTP
 * routes, the OpenAPI document, the typed client, the command line and the dashboard: nothing about
 * an operation is said twice.
 */
import type { z } from 'zod'
import type { Permission } from './permissions.ts'

export type ObjectSchema = z.ZodObject<z.ZodRawShape>

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/admin/v1`; path parameters in braces: `/apps/{appId}`. */
  readonly path: string
  /** One sentence, shown in help and in the OpenAPI document. */
  readonly summary: string
  readonly permission: Permission
  /** Path and query parameters; a name that is not in the path travels in the query. */
  readonly parameters: ObjectSchema
  /** Undefined: the call has no body. */
  readonly body: ObjectSchema | undefined
  readonly result: z.ZodType
  /** Of the answer when it works. */
  readonly status: 200 | 201 | 204
  /** Codes of `core/admin-refusals.ts` that this operation can meet beside the common ones. */
  readonly refusals: readonly string[]
  /** How `lockgate` spells it: `apps create`. Positional arguments are path parameters in order. */
  readonly command: string
  /** The answer holds a value that is never shown again; clients must not cache or log it. */
  readonly isSecretShown?: true
  /** The answer is a stream of lines (NDJSON), not one JSON value. */
  readonly isStream?: true
  /** The answer is a stream of server-sent events without an end; the schema is that of one. */
  readonly isLive?: true
}
