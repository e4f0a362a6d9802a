/** Calls of the administration, checked against the table of operations. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OPERATIONS, type OperationName } from '../../packages/admin-api/src/operations.ts'
import { type Answer, send } from './http.ts'
import type { LiveServer } from './server.ts'

export interface AdminCall {
  /** Path and query parameters. */
  readonly parameters?: Readonly<Record<string, string | number>>
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

type Output<S> = S extends { readonly _zod: { readonly output: infer O } } ? O : never
/** What an operation answers with when it works. */
export type ResultOf<N extends OperationName> = Output<(typeof OPERATIONS)[N]['result']>

export interface AdminAnswer {
  readonly status: number
  readonly body: unknown
  /** Of a refusal. */
  readonly code: string | undefined
  readonly headers: Answer['headers']
}

/** The key the first start wrote. */
export function ownerKey(dataDir: string): string {
  return readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()
}

export class Administration {
  readonly #server: () => Pick<LiveServer, 'http'>
  readonly #key: () => string

  constructor(server: () => Pick<LiveServer, 'http'>, key: () => string) {
    this.#server = server
    this.#key = key
  }

  /** The same server by another operator key. */
  as(key: string): Administration {
    return new Administration(this.#server, () => key)
  }

  /** Any answer; one that is no refusal has the shape and status the operation promises. */
  async call(name: OperationName, call: AdminCall = {}): Promise<AdminAnswer> {
    const operation = OPERATIONS[name]
    const answer = await send(this.#server().http, {
      method: operation.method,
      target: `/admin/v1${targetOf(operation.path, call.parameters ?? {})}`,
      headers: {
        authorization: `Bearer ${this.#key()}`,
        ...(operation.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(operation.body === undefined ? {} : { body: JSON.stringify(call.body ?? {}) }),
    })
    const body: unknown = JSON.parse(answer.body)
    assert.equal(answer.headers['cache-control'], 'no-store')
    if (answer.status < 400) {
      assert.equal(answer.status, operation.status, name)
      const parsed = operation.result.safeParse(body)
      assert.ok(parsed.success, `${name}: ${parsed.error?.message}`)
      return { status: answer.status, body, code: undefined, headers: answer.headers }
    }
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    const { code } = body as { readonly code?: string }
    return { status: answer.status, body, code, headers: answer.headers }
  }

  /** @returns the body of an answer that has to work. */
  async done<N extends OperationName>(name: N, call: AdminCall = {}): Promise<ResultOf<N>> {
    const answer = await this.call(name, call)
    assert.ok(answer.status < 400, `${name}: ${JSON.stringify(answer.body)}`)
    return answer.body as ResultOf<N> // `call` has parsed it
  }

  /** Requires a refusal. @returns its status and code. */
  async refused(name: OperationName, call: AdminCall = {}): Promise<readonly [number, string]> {
    const { status, body, code } = await this.call(name, call)
    assert.ok(status >= 400, `${name} worked: ${JSON.stringify(body)}`)
    return [status, String(code)]
  }
}

function targetOf(path: string, parameters: NonNullable<AdminCall['parameters']>): string {
  const query = new URLSearchParams()
  let target = path
  for (const [name, value] of Object.entries(parameters)) {
    const place = `{${name}}`
    if (target.includes(place)) target = target.replace(place, encodeURIComponent(value))
    else query.set(name, String(value))
  }
  return query.size === 0 ? target : `${target}?${query.toString()}`
}
