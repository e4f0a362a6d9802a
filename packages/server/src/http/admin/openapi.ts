/** The OpenAPI 3.1 document, made from the table of operations. */
import type { Operation } from '@lockgate/admin-api/operation'
import { OPERATIONS } from '@lockgate/admin-api/operations'
import { z } from 'zod'
import { takesIdempotencyKey } from './idempotency-key.ts'

type Json = Readonly<Record<string, unknown>>

/** Of the one version that runs. */
const TEXTS = new Map<string, string>()

/**
 * The document as it is served. Written once: anybody may ask for it, as often as they like, and
 * no other call costs nearly as much as making it from the schemas.
 */
export function openApiText(version: string): string {
  const known = TEXTS.get(version)
  if (known !== undefined) return known
  const text = JSON.stringify(openApiDocument(version))
  TEXTS.set(version, text)
  return text
}

/** @param version of the program. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const path = paths[operation.path] ?? {}
    path[operation.method.toLowerCase()] = describeOperation(name, operation)
    paths[operation.path] = path
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Lockgate administration', version },
    servers: [{ url: '/admin/v1' }],
    security: [{ operatorKey: [] }],
    paths,
    components: {
      securitySchemes: {
        operatorKey: { type: 'http', scheme: 'bearer', description: 'An operator key, op_...' },
      },
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          description: 'The same call under the same key gets the first answer again, for a day.',
          schema: { type: 'string', pattern: '^[!-~]{1,200}$' },
        },
      },
      schemas: { Problem: PROBLEM },
    },
  }
}

const IDEMPOTENCY_KEY = { $ref: '#/components/parameters/IdempotencyKey' }

function describeOperation(name: string, operation: Operation): Json {
  const { parameters, body, result, status, refusals, permission, summary } = operation
  const codes = refusals.length === 0 ? '' : ` Codes: ${refusals.join(', ')}.`
  return {
    operationId: name,
    summary,
    description: `Permission: ${permission}.`,
    parameters: [
      ...Object.entries(parameters.shape).map(([parameter, schema]) => ({
        name: parameter,
        in: operation.path.includes(`{${parameter}}`) ? 'path' : 'query',
        required: operation.path.includes(`{${parameter}}`),
        schema: schemaOf(schema as z.ZodType),
      })),
      ...(takesIdempotencyKey(operation) ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !body.safeParse({}).success,
            content: { 'application/json': { schema: schemaOf(body) } },
          },
        }),
    responses: {
      [String(status)]: {
        description: 'Done.',
        content: { [mediaTypeOf(operation)]: { schema: schemaOf(result) } },
      },
      default: {
        description: `Refused.${codes}`,
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  }
}

/** Of a stream, the schema is that of one line or event. */
function mediaTypeOf({ isStream, isLive }: Operation): string {
  if (isLive === true) return 'text/event-stream'
  return isStream === true ? 'application/x-ndjson' : 'application/json'
}

/** What is sent, so input shapes; the dialect is that of the document. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
}
