/**
 * The layering rule: which folder may import what. One table; a breach fails the build. Tests
 * beside the code may import more. See ARCHITECTURE.md for the reasons.
 */
import { posix } from 'node:path'
import type { Finding } from './finding.ts'
import type { Import, SourceFile, Tree } from './tree.ts'

interface Layer {
  /**
   * Path prefix below the root; the first one that fits decides. `*` stands for one folder or file.
   */
  readonly prefix: string
  /**
   * What may be imported: a path prefix of the checkout, `node:` or `node:crypto`, `bun`,
   * `npm:name` or `npm:`. `*` is what `*` of the prefix stood for. A trailing `*.ts` means the
   * files of that folder only.
   */
  readonly may: readonly string[]
  /** Set where an adapter may use one package of its own choice. */
  readonly hasOneDriver?: boolean
}

/** Shared forms of values, pure and of no protocol. */
const RESULT = [
  'packages/protocol/src/result.ts',
  'packages/protocol/src/bytes.ts',
  'packages/protocol/src/allowed-domain.ts',
  'packages/protocol/src/webhooks/webhook-events.ts',
  // The grammar of topics: rules, trees and configuration read the same one.
  'packages/protocol/src/mqtt/topic.ts',
  // Of both protocols: configuration and core read the same declarations.
  'packages/protocol/src/pusher/topic-bridge.ts',
]
const SERVER = 'packages/server/src'
const SDK = 'packages/server-sdk/src'
const CLIENT = 'packages/client/src'
const INNER = [`${SERVER}/core/`, `${SERVER}/ports/`, ...RESULT]
const EDGE = [
  ...INNER,
  `${SERVER}/sessions/*.ts`,
  `${SERVER}/credentials/`,
  `${SERVER}/outbound/`,
  `${SERVER}/transports/`,
  `${SERVER}/http/`,
  'packages/admin-api/src/',
  'node:',
]

const LAYERS: readonly Layer[] = [
  { prefix: 'packages/protocol/src/*/', may: ['packages/protocol/src/*/', ...RESULT] },
  { prefix: 'packages/protocol/src/', may: RESULT },
  { prefix: 'packages/admin-api/src/', may: ['packages/admin-api/src/', ...RESULT, 'npm:zod'] },
  // The one module of the SDK that is for Node and Bun alone.
  { prefix: `${SDK}/operator-key-file.ts`, may: ['node:fs/promises'] },
  {
    prefix: `${SDK}/`,
    may: [
      `${SDK}/`,
      'packages/protocol/src/',
      'packages/admin-api/src/',
      'npm:jose',
      'npm:@noble/ciphers',
    ],
  },
  // For browsers: MQTT.js does the protocol, React is the application's own.
  { prefix: `${CLIENT}/react.ts`, may: [`${CLIENT}/`, 'npm:react'] },
  { prefix: `${CLIENT}/`, may: [`${CLIENT}/`, 'npm:mqtt'] },
  { prefix: `${SERVER}/ports/`, may: [`${SERVER}/ports/`, ...RESULT] },
  { prefix: `${SERVER}/core/`, may: INNER },
  { prefix: `${SERVER}/credentials/`, may: [...INNER, `${SERVER}/credentials/`, 'node:crypto'] },
  {
    prefix: `${SERVER}/outbound/`,
    may: [
      ...INNER,
      `${SERVER}/outbound/`,
      `${SERVER}/credentials/`,
      'packages/protocol/src/',
      'node:crypto',
    ],
  },
  {
    prefix: `${SERVER}/sessions/*/`,
    may: [
      ...INNER,
      `${SERVER}/credentials/`,
      'packages/protocol/src/*/',
      `${SERVER}/sessions/*/`,
      `${SERVER}/sessions/*.ts`,
    ],
  },
  {
    prefix: `${SERVER}/sessions/`,
    may: [...INNER, `${SERVER}/credentials/`, `${SERVER}/sessions/`],
  },
  { prefix: `${SERVER}/transports/`, may: [...EDGE, 'bun'] },
  // Request-shaped wire APIs live in http/, so their codecs may be used here.
  { prefix: `${SERVER}/http/`, may: [...EDGE, 'packages/protocol/src/', 'npm:zod'] },
  {
    prefix: `${SERVER}/adapters/*/`,
    may: [`${SERVER}/ports/`, `${SERVER}/adapters/*/`, ...RESULT, 'node:', 'bun'],
    hasOneDriver: true,
  },
  {
    prefix: `${SERVER}/config/`,
    may: [
      `${SERVER}/config/`,
      `${SERVER}/ports/`,
      `${SERVER}/core/limits/`,
      ...RESULT,
      'node:',
      'npm:yaml',
    ],
  },
  // Puts the core and sessions together over ports; `compose.ts` chooses the adapters.
  {
    prefix: `${SERVER}/assembly/`,
    may: [
      ...INNER,
      `${SERVER}/assembly/`,
      `${SERVER}/config/`,
      `${SERVER}/credentials/`,
      `${SERVER}/outbound/`,
      `${SERVER}/sessions/`,
      'node:',
    ],
  },
  { prefix: `${SERVER}/cli/`, may: ['packages/', 'node:', 'npm:'] },
]

/** Files of the server that choose and start everything. */
const COMPOSITION = new Set(
  [
    'main.ts',
    'compose.ts',
    'compose-admin.ts',
    'compose-outside.ts',
    'listeners.ts',
    'provision.ts',
    'run-server.ts',
  ].map((name) => `${SERVER}/${name}`),
)

/** @returns each import that crosses a wall, and each server folder the table does not know. */
export function checkLayers(tree: Tree): Finding[] {
  return tree.sources
    .filter(({ path, isTest }) => !isTest && path.startsWith('packages/'))
    .flatMap(checkFile)
}

function checkFile(source: SourceFile): Finding[] {
  if (COMPOSITION.has(source.path) || !/^packages\/[^/]+\/src\//.test(source.path)) return []
  const found = findLayer(source.path)
  if (found === undefined) {
    if (!source.path.startsWith(`${SERVER}/`)) return []
    return [
      {
        file: source.path,
        line: 1,
        what: 'this folder is in no row of the layering table',
        why: 'a folder without a row may import anything unseen',
        remedy:
          'move the file, or add a row to scripts/tidy/layers.ts and say why in ARCHITECTURE.md',
      },
    ]
  }
  const { layer, name } = found
  const breaches = source.imports.filter(
    (each) => !isAllowed(layer, name, targetOf(each, source.path)),
  )
  const drivers = new Set(breaches.map((each) => targetOf(each, source.path)).filter(isPackage))
  return breaches
    .filter(
      (each) =>
        !(layer.hasOneDriver && drivers.size === 1 && isPackage(targetOf(each, source.path))),
    )
    .map((each) => breach(source, each, layer))
}

function findLayer(path: string): { layer: Layer; name: string } | undefined {
  for (const layer of LAYERS) {
    const pattern = new RegExp(`^${layer.prefix.replaceAll('.', '\\.').replace('*', '([^/]+)')}`)
    const match = pattern.exec(path)
    if (match !== null) return { layer, name: match[1] ?? '' }
  }
  return undefined
}

function targetOf({ specifier, file }: Import, importer: string): string {
  if (file !== undefined) return file
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier)
  if (specifier.startsWith('node:')) return specifier
  if (specifier === 'bun' || specifier.startsWith('bun:')) return 'bun'
  const [scope = '', name = ''] = specifier.split('/')
  return `npm:${scope.startsWith('@') ? `${scope}/${name}` : scope}`
}

function isPackage(target: string): boolean {
  return target.startsWith('npm:')
}

function isAllowed(layer: Layer, name: string, target: string): boolean {
  return layer.may.some((pattern) => {
    if (pattern.endsWith('/*.ts'))
      return posix.dirname(target) === pattern.slice(0, -'/*.ts'.length)
    const concrete = pattern.replace('*', name)
    return concrete.endsWith('/') || concrete.endsWith(':')
      ? target.startsWith(concrete)
      : target === concrete
  })
}

function breach(source: SourceFile, { specifier, line }: Import, layer: Layer): Finding {
  return {
    file: source.path,
    line,
    what: `${layer.prefix} may not import '${specifier}'`,
    why: 'the layering rule keeps every layer testable without the ones outside it',
    remedy: 'pass it in through a port, or move the code to the layer that may',
  }
}
