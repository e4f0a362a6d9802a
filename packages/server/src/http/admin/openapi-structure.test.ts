/**
 * The document against the rules of OpenAPI 3.1.0 and JSON Schema 2020-12, written down here from
 * the specifications: nothing is shared with what makes the document.
 */
import { describe, expect, test } from 'bun:test'
import { openApiDocument } from './openapi.ts'

type Json = Readonly<Record<string, unknown>>
/** What is wrong with a node; nothing when it is sound. */
type Check = (node: unknown, at: string) => readonly string[]

const document: unknown = JSON.parse(JSON.stringify(openApiDocument('1.2.3')))

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isFlag = (value: unknown) => typeof value === 'boolean'
const isCount = (value: unknown) => Number.isInteger(value) && Number(value) >= 0
const isNumber = (value: unknown) => typeof value === 'number'
const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const leaf =
  (isSound: (value: unknown) => boolean): Check =>
  (node, at) =>
    isSound(node) ? [] : [`${at} is not what it has to be`]
const listOf =
  (check: Check, countMin = 0): Check =>
  (node, at) =>
    Array.isArray(node) && node.length >= countMin
      ? node.flatMap((each, index) => check(each, `${at}/${index}`))
      : [`${at} is no list`]
const mapOf =
  (check: Check, key = /./): Check =>
  (node, at) =>
    isMap(node)
      ? Object.entries(node).flatMap(([name, each]) => [
          ...(key.test(name) ? [] : [`${at}/${name} has no such name`]),
          ...check(each, `${at}/${name}`),
        ])
      : [`${at} is no map`]

/** An object with these fields and no others, unless they begin with x- (§4.9). */
const object =
  (fields: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
  (node, at) => {
    if (!isMap(node)) return [`${at} is no object`]
    const missing = required.filter((name) => !Object.hasOwn(node, name))
    return [
      ...missing.map((name) => `${at} lacks ${name}`),
      ...Object.entries(node).flatMap(([name, each]) => {
        if (name.startsWith('x-')) return []
        const check = fields[name]
        return check === undefined ? [`${at}/${name} is unknown`] : check(each, `${at}/${name}`)
      }),
    ]
  }

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string']
/** JSON Schema 2020-12, the vocabularies core, applicator, validation, format and meta-data. */
const schema: Check = (node, at) => (isFlag(node) ? [] : object(SCHEMA_FIELDS)(node, at))
const schemas: Check = (node, at) => listOf(schema, 1)(node, at)
const SCHEMA_FIELDS: Readonly<Record<string, Check>> = {
  $ref: leaf(isText),
  type: leaf((type) => [type].flat().every((each) => TYPES.includes(String(each)))),
  enum: listOf(() => []),
  const: () => [],
  description: leaf(isText),
  default: () => [],
  format: leaf(isText),
  pattern: leaf((pattern) => isText(pattern) && new RegExp(String(pattern), 'u').source !== ''),
  minLength: leaf(isCount),
  maxLength: leaf(isCount),
  minItems: leaf(isCount),
  maxItems: leaf(isCount),
  minimum: leaf(isNumber),
  maximum: leaf(isNumber),
  exclusiveMinimum: leaf(isNumber),
  exclusiveMaximum: leaf(isNumber),
  required: listOf(leaf(isText)),
  properties: (node, at) => mapOf(schema)(node, at),
  additionalProperties: schema,
  propertyNames: schema,
  items: schema,
  prefixItems: schemas,
  anyOf: schemas,
  oneOf: schemas,
  allOf: schemas,
  not: schema,
}

const reference = object({ $ref: leaf(isText) }, ['$ref'])
const orReference =
  (check: Check): Check =>
  (node, at) =>
    isMap(node) && Object.hasOwn(node, '$ref') ? reference(node, at) : check(node, at)
const media = mapOf(object({ schema }), /^[a-z]+\/[a-z.+-]+$/)
const parameter = orReference((node, at) => [
  ...object(
    {
      name: leaf(isText),
      in: leaf((place) => ['query', 'header', 'path', 'cookie'].includes(String(place))),
      description: leaf(isText),
      required: leaf(isFlag),
      schema,
    },
    ['name', 'in', 'schema'],
  )(node, at),
  // §4.8.12.2: a parameter of the path is always required.
  ...(isMap(node) && node['in'] === 'path' && node['required'] !== true
    ? [`${at} is optional`]
    : []),
])
const response = object({ description: leaf(isText), content: media }, ['description'])
const operation = object(
  {
    operationId: leaf(isText),
    summary: leaf(isText),
    description: leaf(isText),
    parameters: listOf(parameter),
    requestBody: object({ required: leaf(isFlag), content: media }, ['content']),
    responses: mapOf(response, /^(?:default|[1-5]\d\d)$/),
  },
  ['responses'],
)
const METHODS = ['get', 'put', 'post', 'delete', 'patch']
const pathItem = object(Object.fromEntries(METHODS.map((method) => [method, operation])))
const COMPONENT = /^[a-zA-Z0-9._-]+$/
const root = object(
  {
    openapi: leaf((version) => /^3\.1\.\d+$/.test(String(version))),
    info: object({ title: leaf(isText), version: leaf(isText) }, ['title', 'version']),
    servers: listOf(object({ url: leaf(isText) }, ['url'])),
    security: listOf(mapOf(listOf(leaf(isText)))),
    paths: mapOf(pathItem, /^\//),
    components: object({
      schemas: mapOf(schema, COMPONENT),
      parameters: mapOf(parameter, COMPONENT),
      securitySchemes: mapOf(
        object({ type: leaf(isText), scheme: leaf(isText), description: leaf(isText) }, ['type']),
        COMPONENT,
      ),
    }),
  },
  ['openapi', 'info'],
)

test('the document keeps the rules of OpenAPI 3.1 and JSON Schema', () => {
  expect(root(document, '#')).toEqual([])
})

test('no parameter is declared twice, and no two paths mean the same', () => {
  const { paths } = document as { paths: Record<string, Record<string, Json>> }
  const templates = Object.keys(paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'))
  expect(new Set(templates).size).toBe(templates.length)
  for (const each of Object.values(paths).flatMap((path) => Object.values(path))) {
    const parameters = each['parameters'] as readonly Json[]
    const names = parameters.map(({ name, in: place, $ref }) => JSON.stringify([place, name, $ref]))
    expect(new Set(names).size).toBe(names.length)
  }
})

/** Any node of the document, to be changed by name. */
type Editable = ReturnType<JSON['parse']>

describe('the rules find', () => {
  const change = (edit: (copy: Editable) => void) => {
    const copy = structuredClone(document)
    edit(copy)
    return root(copy, '#')
  }

  test.each<[string, (copy: Editable) => void]>([
    ['another version', (copy) => (copy.openapi = '3.0.3')],
    ['a path without its slash', (copy) => (copy.paths['apps'] = {})],
    [
      'a response without a description',
      (copy) => {
        delete copy.paths['/apps'].get.responses['200'].description
      },
    ],
    [
      'an optional path parameter',
      (copy) => {
        copy.paths['/apps/{appId}'].get.parameters[0].required = false
      },
    ],
    ['a type that JSON has not', (copy) => (copy.components.schemas.Problem.type = 'file')],
    ['a misspelt keyword', (copy) => (copy.components.schemas.Problem.requierd = ['x'])],
  ])('%s', (_, edit) => {
    expect(change(edit).length).toBeGreaterThan(0)
  })
})
