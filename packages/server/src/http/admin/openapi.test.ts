import { expect, test } from 'bun:test'
import { OPERATIONS } from '@lockgate/admin-api/operations'
import { ADMIN_REFUSALS } from '../../core/admin-refusals.ts'
import { openApiDocument } from './openapi.ts'

const document = JSON.parse(JSON.stringify(openApiDocument('1.2.3')))

test('the document has every operation once, under its own name', () => {
  const paths: Record<string, Record<string, { operationId: string }>> = document.paths
  const names = Object.values(paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  expect(names.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted())
  expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } })
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
