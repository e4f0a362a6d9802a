import { afterAll, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { formatFinding } from './tidy/finding.ts'
import { blank } from './tidy/lexer.ts'
import { tidy } from './tidy.ts'

const SERVER = 'packages/server/src'
const planted: string[] = []

afterAll(() => {
  for (const root of planted) rmSync(root, { recursive: true })
})

/**
 * Plants a small tree with a used file of every package and returns its findings as `file:line
 * what`.
 */
function findingsOf(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'))
  planted.push(root)
  const all: Record<string, string> = {
    'packages/server/package.json': '{"name":"lockgate"}',
    'packages/protocol/package.json':
      '{"name":"@lockgate/protocol","exports":{"./*":"./src/*.ts"}}',
    ...files,
  }
  all[`${SERVER}/main.ts`] ??= Object.keys(files)
    .filter((path) => path.startsWith(SERVER) && path.endsWith('.ts') && !path.includes('.test.'))
    .map((path) => `import '.${path.slice(SERVER.length)}'\n`)
    .join('')
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return tidy(root).map(({ file, line, what }) => `${file}:${line} ${what}`)
}

describe('layering', () => {
  const breaches: [string, string, string][] = [
    ['core', `${SERVER}/core/hub.ts`, '@lockgate/protocol/pusher/frames'],
    ['core', `${SERVER}/core/hub.ts`, 'node:crypto'],
    ['core', `${SERVER}/core/hub.ts`, '../credentials/app.ts'],
    ['core', `${SERVER}/core/hub.ts`, 'kysely'],
    ['ports', `${SERVER}/ports/store.ts`, '../core/hub.ts'],
    ['credentials', `${SERVER}/credentials/app.ts`, 'node:fs'],
    ['outbound', `${SERVER}/outbound/audit.ts`, 'node:fs'],
    ['a session', `${SERVER}/sessions/pusher/session.ts`, '@lockgate/protocol/mqtt/decode'],
    ['a session', `${SERVER}/sessions/pusher/session.ts`, '../mqtt/session.ts'],
    ['a session', `${SERVER}/sessions/pusher/session.ts`, '../../transports/http.ts'],
    ['transports', `${SERVER}/transports/http.ts`, '../adapters/store-memory/store.ts'],
    ['http', `${SERVER}/http/router.ts`, '../adapters/store-memory/store.ts'],
    ['an adapter', `${SERVER}/adapters/store-sqlite/store.ts`, '../store-memory/store.ts'],
    ['an adapter', `${SERVER}/adapters/store-sqlite/store.ts`, '../../core/hub.ts'],
    ['config', `${SERVER}/config/load.ts`, '../compose.ts'],
  ]
  for (const [layer, file, specifier] of breaches) {
    test(`${layer} may not import ${specifier}`, () => {
      const found = findingsOf({ [file]: `\nimport { x } from '${specifier}'\n` })
      expect(found.filter((each) => each.includes('may not import'))).toEqual([
        expect.stringContaining(`${file}:2 `),
      ])
      expect(found.join('\n')).toContain(`'${specifier}'`)
    })
  }

  test('a codec may import its own folder and result, not another protocol nor node:', () => {
    const found = findingsOf({
      [`${SERVER}/main.ts`]: "import '@lockgate/protocol/pusher/codec'\n",
      'packages/protocol/src/result.ts': '',
      'packages/protocol/src/mqtt/decode.ts': '',
      'packages/protocol/src/pusher/frames.ts': '',
      'packages/protocol/src/pusher/codec.ts':
        "import './frames.ts'\nimport '../result.ts'\n" +
        "import '../mqtt/decode.ts'\nimport 'node:fs'\n",
    })
    const file = 'packages/protocol/src/pusher/codec.ts'
    expect(found).toEqual([
      `${file}:3 packages/protocol/src/*/ may not import '../mqtt/decode.ts'`,
      `${file}:4 packages/protocol/src/*/ may not import 'node:fs'`,
    ])
  })

  test('an adapter may import ports, node:, bun and one package', () => {
    const file = `${SERVER}/adapters/store-sqlite/store.ts`
    const one = "import 'kysely'\nimport 'kysely/helpers'\nimport 'bun:sqlite'\nimport 'node:fs'\n"
    expect(findingsOf({ [file]: one })).toEqual([])
    expect(findingsOf({ [file]: `${one}import 'pg'\n` }).length).toBe(3)
  })

  test('tests beside code and compose.ts may import more', () => {
    const found = findingsOf({
      [`${SERVER}/core/hub.ts`]: '',
      [`${SERVER}/core/hub.test.ts`]: "import '../adapters/random/random.ts'\n",
      [`${SERVER}/adapters/random/random.ts`]: '',
      [`${SERVER}/compose.ts`]: "import './adapters/random/random.ts'\n",
    })
    expect(found).toEqual([])
  })

  test('a folder the table does not know is reported', () => {
    expect(findingsOf({ [`${SERVER}/misc/thing.ts`]: '' })).toEqual([
      expect.stringContaining(`${SERVER}/misc/thing.ts:1 this folder is in no row`),
    ])
  })

  test('a URL of a file to read is no import, a URL of a worker is', () => {
    const file = `${SERVER}/core/hub.ts`
    const urlOf = (path: string) => `new URL('${path}', import.meta.url)\n`
    expect(findingsOf({ [file]: urlOf('../../assets/page.html') })).toEqual([])
    expect(findingsOf({ [file]: urlOf('../http/worker.ts') })).toEqual([
      expect.stringContaining("may not import '../http/worker.ts'"),
    ])
  })

  test('an import of any form is seen: export from, dynamic, worker', () => {
    const forms = [
      "export { x } from 'node:fs'",
      "await import('node:fs')",
      "import {\n  x,\n} from 'node:fs'",
    ]
    for (const form of forms) {
      const found = findingsOf({ [`${SERVER}/core/hub.ts`]: `${form}\n` })
      expect(found).toEqual([expect.stringContaining("may not import 'node:fs'")])
    }
  })
})

describe('ambient calls', () => {
  const banned: [string, string][] = [
    ['core/hub.ts', 'Date.now()'],
    ['http/router.ts', 'new Date()'],
    ['transports/tcp.ts', 'performance.now()'],
    ['adapters/store-memory/store.ts', 'Math.random()'],
    ['config/load.ts', 'process.env.HOME'],
    ['compose.ts', "console.log('started')"],
    ['core/hub.ts', 'setTimeout(run, 5)'],
    ['sessions/pusher/session.ts', 'setInterval(run, 5)'],
    ['credentials/app.ts', 'setTimeout(run, 5)'],
    ['http/router.ts', "Bun.file('x')"],
  ]
  for (const [path, call] of banned) {
    test(`${call} in ${path} is reported`, () => {
      const file = `${SERVER}/${path}`
      const found = findingsOf({ [file]: `// first line\nexport const x = ${call}\n` })
      expect(found).toEqual([expect.stringContaining(`${file}:2 `)])
    })
  }

  test('each is allowed at home', () => {
    const found = findingsOf({
      [`${SERVER}/adapters/system/clock.ts`]: 'export const nowMs = () => Date.now()\n',
      [`${SERVER}/cli/serve.ts`]: 'console.log(process.env)\n',
      [`${SERVER}/transports/http.ts`]: 'setTimeout(() => Bun.serve({}), 5)\n',
      [`${SERVER}/core/hub.test.ts`]: 'Date.now()\n',
      'bench/run.ts': 'console.log(performance.now())\n',
    })
    expect(found).toEqual([])
  })

  test('comments, strings and templates are not code', () => {
    const text = [
      '// Date.now() is banned',
      '/* Math.random() */',
      "export const a = 'process.env', b = `console.log(${a} setTimeout()`, c = /Bun.serve/",
    ].join('\n')
    expect(findingsOf({ [`${SERVER}/core/hub.ts`]: text })).toEqual([])
  })
})

describe('shape', () => {
  const file = `${SERVER}/core/hub.ts`
  const swallowed = [
    'try { run() } catch {}',
    'try { run() } catch (error) {\n  // it does not matter\n}',
    'run().catch(() => {})',
    'run().catch(() => undefined)',
  ]
  for (const code of swallowed) {
    test(`a swallowed error is reported: ${code.replace(/\s+/g, ' ')}`, () => {
      expect(findingsOf({ [file]: code })).toEqual([`${file}:1 an error is caught and dropped`])
    })
  }

  test('a catch that does something is not reported', () => {
    expect(findingsOf({ [file]: 'try { run() } catch { return false }' })).toEqual([])
  })

  test('a file over 300 lines is reported, a test of that size is not', () => {
    const long = 'export {}\n'.repeat(301)
    expect(findingsOf({ [file]: long })).toEqual([`${file}:301 file of 301 lines`])
    expect(findingsOf({ [`${SERVER}/core/hub.test.ts`]: long })).toEqual([])
    expect(findingsOf({ [file]: 'export {}\n'.repeat(300) })).toEqual([])
  })

  test('a line over 100 characters is reported', () => {
    expect(findingsOf({ [file]: `export {}\n// ${'x'.repeat(98)}\n` })).toEqual([
      `${file}:2 line of 101 characters`,
    ])
  })

  test('a leftover marker is reported in code and in pages', () => {
    const marker = ['TO', 'DO'].join('')
    const found = findingsOf({ [file]: `// ${marker}: later\n`, 'README.md': `# A\n${marker}\n` })
    expect(found).toEqual([
      `README.md:2 leftover marker ${marker}`,
      `${file}:1 leftover marker ${marker}`,
    ])
  })

  test('a test that does not run is reported', () => {
    const call = ['test', 'skip'].join('.')
    expect(findingsOf({ [`${SERVER}/a.test.ts`]: `${call}('x', () => {})\n` })).toEqual([
      `${SERVER}/a.test.ts:1 ${call} keeps tests from running`,
    ])
  })

  test('a path of one machine is reported', () => {
    const path = ['', 'home', 'ann', 'x'].join('/')
    expect(findingsOf({ [file]: `export const x = '${path}'\n` })).toEqual([
      expect.stringContaining(`${file}:1 path of one machine`),
    ])
  })

  test('a file nothing uses, and a file only its test uses, are reported', () => {
    const found = findingsOf({
      [`${SERVER}/main.ts`]: "new Worker(new URL('./adapters/w/worker.ts', import.meta.url))\n",
      [`${SERVER}/adapters/w/worker.ts`]: '',
      [`${SERVER}/core/dead.ts`]: '',
      [`${SERVER}/core/tested.ts`]: '',
      [`${SERVER}/core/tested.test.ts`]: "import './tested.ts'\n",
    })
    expect(found).toEqual([
      `${SERVER}/core/dead.ts:1 nothing uses this file`,
      `${SERVER}/core/tested.ts:1 only tests use this file`,
    ])
  })
})

describe('a package that is built before it is published', () => {
  const SDK = 'packages/server-sdk/src'
  const exported = (name: string) => ({
    [`./${name}`]: {
      types: `./dist/server-sdk/src/${name}.d.ts`,
      default: `./dist/server-sdk/src/${name}.js`,
    },
  })
  const packageFile = (...names: readonly string[]) =>
    JSON.stringify({ name: '@sdk', exports: Object.assign({}, ...names.map(exported)) })

  test('has its exported modules used, under every condition, and the rest reported', () => {
    const found = findingsOf({
      'packages/server-sdk/package.json': packageFile('keeper'),
      [`${SDK}/keeper.ts`]: "import './inner.ts'\n",
      [`${SDK}/inner.ts`]: '',
      [`${SDK}/dead.ts`]: '',
    })
    expect(found).toEqual([`${SDK}/dead.ts:1 nothing uses this file`])
  })

  test('what is built is not read', () => {
    const found = findingsOf({
      'packages/server-sdk/package.json': packageFile(),
      'packages/server-sdk/dist/server-sdk/src/keeper.js': 'setTimeout(() => {}, 5)\n',
    })
    expect(found).toEqual([])
  })

  test('the SDK imports nothing of Node but in the one module for files', () => {
    const text = "import { open } from 'node:fs/promises'\n"
    const found = findingsOf({
      'packages/server-sdk/package.json': packageFile('keeper', 'operator-key-file'),
      [`${SDK}/keeper.ts`]: text,
      [`${SDK}/operator-key-file.ts`]: text,
    })
    expect(found).toEqual([
      `${SDK}/keeper.ts:1 packages/server-sdk/src/ may not import 'node:fs/promises'`,
    ])
  })

  test('the SDK takes clock and timers from its system module only', () => {
    const text = 'export const later = () => setTimeout(() => Date.now(), 5)\n'
    const found = findingsOf({
      'packages/server-sdk/package.json': packageFile('keeper', 'system'),
      [`${SDK}/keeper.ts`]: text,
      [`${SDK}/system.ts`]: text,
    })
    expect(found).toEqual([
      expect.stringContaining(`${SDK}/keeper.ts:1 reads the system clock`),
      expect.stringContaining(`${SDK}/keeper.ts:1 starts a timer`),
    ])
  })
})

describe('pages', () => {
  test('a link that leads nowhere is reported, with its line', () => {
    const found = findingsOf({
      'README.md': '# A\n\n[here](docs/a.md) [gone](docs/b.md) [out](https://example.org/x)\n',
      'docs/a.md': '# B\n[up](../README.md#a) [own](#b)\n',
    })
    expect(found).toEqual(["README.md:3 link to 'docs/b.md' leads nowhere"])
  })

  test('a link to a heading that is not there is reported', () => {
    const found = findingsOf({
      'README.md': '# A\n[x](docs/a.md#two-words) [y](docs/a.md#three)\n',
      'docs/a.md': '# B\n## Two `words`!\n',
    })
    expect(found).toEqual([
      "README.md:2 link to 'docs/a.md#three' names a heading that is not there",
    ])
  })

  test('code in a page is no link', () => {
    expect(findingsOf({ 'README.md': '```ts\nx[0](gone.md)\n```\n`[a](b.md)`\n' })).toEqual([])
  })
})

describe('lexer', () => {
  test('every offset and line break is kept', () => {
    const text = "const a = 'x\\'y' // c\n/* d\n */ const b = `p${a + `q${1}`}r` / 2 / 3\n"
    const { codeOnly, withoutComments } = blank(text)
    expect(codeOnly.length).toBe(text.length)
    expect(withoutComments.length).toBe(text.length)
    expect(codeOnly).toBe("const a = '    '     \n    \n    const b = ` ${a + ` ${1}`} ` / 2 / 3\n")
  })

  test('a slash after a value divides, after an operator it starts an expression', () => {
    expect(blank("a / b; x = '/' + /[/'\"]/").codeOnly).toBe("a / b; x = ' ' + /     /")
  })
})

test('a finding reads file:line: what, why, what to do', () => {
  const finding = { file: 'a.ts', line: 3, what: 'is long', why: 'hard to read', remedy: 'cut it' }
  expect(formatFinding(finding)).toBe('a.ts:3: is long, hard to read, cut it')
})
