import { expect, spyOn, test } from 'bun:test'
import { z } from 'zod'
import { OPERATIONS } from '@lockgate/admin-api/operations'
import { ADMIN_REFUSALS } from '../../core/admin-refusals.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import type { AdminDeps } from './deps.ts'
import { openApiDocument } from './openapi.ts'
import { handleAdmin } from './router.ts'

const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3')))

test('the document has every operation once, under its own name', () => {
  const paths: Record<string, Record<string, { operationId: string }>> = document.paths
  const names = Object.values(paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  expect(names.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted())
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
})

test('the document is made once, however often strangers ask for it', async () => {
  const spy = spyOn(z, 'toJSONSchema')
  const path = '/admin/v1/openapi.json'
  const target = { path, fullPath: path, query: '' }
  const source = () => ({ ip: '192.0.2.1', agent: 'test' })
  // All that this path is given to work with.
  const deps = { version: '4.5.6', random: systemRandom } as unknown as AdminDeps
  const ask = async () => {
    const request = new Request(`http://127.0.0.1${path}`)
    const answer = await handleAdmin(request, target, { deps, source })
    return [answer.status, await answer.json()]
  }
  const first = await ask()
  expect(first).toMatchObject([200, { info: { version: '4.5.6' } }])
  const madeCount = spy.mock.calls.length
  expect(madeCount).toBeGreaterThan(0)
  expect(await ask()).toEqual(first)
  expect(spy.mock.calls.length).toBe(madeCount)
  spy.mockRestore()
})

test('every parameter of a path is declared, and every reference resolves', () => {
  for (const [path, methods] of Object.entries<Record<string, Record<string, unknown>>>(
    document.paths,
  )) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters } of Object.values(methods)) {
      const declared = (parameters as { name: string; in: string; required: boolean }[]).filter(
        (parameter) => parameter.in === 'path',
      )
      expect(declared.map(({ name }) => name)).toEqual(inPath as string[])
      expect(declared.every(({ required }) => required)).toBe(true)
    }
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)]
  expect(references.length).toBeGreaterThan(0)
  for (const [, reference = ''] of references) {
    const found = reference
      .split('/')
      .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], document)
    expect(found).toBeDefined()
  }
})

test('every code an operation names is a row of the table of refusals', () => {
  for (const { refusals } of Object.values(OPERATIONS)) {
    for (const code of refusals) expect(Object.keys(ADMIN_REFUSALS)).toContain(code)
  }
})
