/**
 * The page about security: what Bun answers before our code does is what the page says, and every
 * test the page names as a proof is one that a run of all tests registers.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rawAnswer } from '../support/raw-answer.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { repositoryRoot } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const root = repositoryRoot()
const page = readFileSync(join(root, 'docs/security.md'), 'utf8')
const it = serving({})

/** The cells of every row of the table below a heading. */
function rowsBelow(heading: string): string[][] {
  const [, section] = page.split(`\n## ${heading}\n`)
  assert.ok(section !== undefined, `there is a section ${heading}`)
  const [own = ''] = section.split('\n## ')
  const lines = own.split('\n').filter((line) => line.startsWith('| '))
  return lines.slice(2).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

const HOST = 'Host: 127.0.0.1\r\n'
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'
const get = (fields: string) => `GET / HTTP/1.1\r\n${HOST}${fields}\r\n`
const post = (fields: string, body = '') => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${body}`
/** To a route that reads its body: another may have answered before the body is wrong. */
const postForm = (chunks: string) =>
  `POST /connect/token HTTP/1.1\r\n${HOST}${CHUNKED}${FORM}\r\n${chunks}`
const line = (text: string) => `${text}\r\n${HOST}\r\n`
const SHORT = '5\r\nhello\r\n0\r\n\r\n'

/** By the words of the page: requests that all get the answer of their row. */
const REQUESTS: Readonly<Record<string, readonly string[]>> = {
  'No `Host` in HTTP/1.1': ['GET / HTTP/1.1\r\n\r\n'],
  'A header line without a colon, with a space before it, or with an empty or impossible name': [
    get('Abc\r\n'),
    get('Abc : d\r\n'),
    get(': d\r\n'),
    get('A(b): d\r\n'),
    'GET / HTTP/1.1\r\n Host: 127.0.0.1\r\n\r\n',
  ],
  'A header continued on the next line (obs-fold)': [get('A: b\r\n c\r\n'), get('A: b\r\n\tc\r\n')],
  'NUL or a bare CR in a header': [get('A: b\0c\r\n'), get('A: b\rc\r\n')],
  'Header lines that end in a bare LF': [`GET / HTTP/1.1\r\nHost: 127.0.0.1\nA: b\r\n\r\n`],
  'A request line that ends in a bare LF': [`GET / HTTP/1.1\n${HOST}\r\n`],
  'A space or control character in the path': [
    line('GET /a b HTTP/1.1'),
    line('GET /\x01 HTTP/1.1'),
  ],
  'HTTP/0.9, HTTP/1.2 or HTTP/3.0 in the request line': [
    'GET /\r\n\r\n',
    line('GET / HTTP/1.2'),
    line('GET / HTTP/3.0'),
  ],
  'The preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'TLS on the port without it': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  '`Content-Length` and `Transfer-Encoding` in one request, in either order': [
    post(`Content-Length: 15\r\n${CHUNKED}`, SHORT),
    post(`${CHUNKED}Content-Length: 15\r\n`, SHORT),
    post(`Content-Length: 0\r\n${CHUNKED}`, SHORT),
  ],
  'Two lengths that differ, or a list of lengths': [
    post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello!'),
    post('Content-Length: 5, 5\r\n', 'hello'),
    post('Content-Length: 5 5\r\n', 'hello'),
  ],
  'A length that is signed, hexadecimal, empty or larger than 64 bits': [
    ...['+5', '-5', '0x5', '', '99999999999999999999'].map((each) =>
      post(`Content-Length: ${each}\r\n`, 'hello'),
    ),
  ],
  '`Transfer-Encoding` that is anything but `chunked`, once': [
    'xchunked',
    'identity',
    'chunked, identity',
    'gzip, chunked',
    '"chunked"',
    'chunked;x=y',
    '\x0bchunked',
    'chunked\r\nTransfer-Encoding: chunked',
    'chunked\r\nTransfer-Encoding: identity',
  ].map((each) => post(`Transfer-Encoding: ${each}\r\n`, SHORT)),
  '`Transfer-Encoding` in HTTP/1.0': [`POST / HTTP/1.0\r\n${HOST}${CHUNKED}\r\n${SHORT}`],
  'In a body that is read: a chunk whose size is no hexadecimal number, negative, or beyond 64 bits':
    [
      ...['zz', '-5', '0x5', 'ffffffffffffffffff'].map((size) =>
        postForm(`${size}\r\nhello\r\n0\r\n\r\n`),
      ),
    ],
  'In a body that is read: a chunk that is longer than its size, or ends in a bare LF': [
    postForm('4\r\nhello\r\n0\r\n\r\n'),
    postForm('5\nhello\n0\n\n'),
  ],
  'A target that is neither a path nor an http URL, such as `*` or `ftp://`': [
    ...['OPTIONS *', 'GET abc', 'GET ftp://127.0.0.1/', 'GET \\a'].map((each) =>
      line(`${each} HTTP/1.1`),
    ),
  ],
  'A method with impossible characters': [line('G(T / HTTP/1.1')],
  'A method nobody knows, or one in lower case': [line('FOO / HTTP/1.1'), line('get / HTTP/1.1')],
  'More than 16 KiB of request line and headers, or 200 headers': [
    line(`GET /${'x'.repeat(20_000)} HTTP/1.1`),
    get(`X: ${'y'.repeat(20_000)}\r\n`),
    get(Array.from({ length: 210 }, (_none, index) => `X${index}: y\r\n`).join('')),
  ],
}
/** Answered by nobody, after a time; a test of its own sends them. */
const SLOW = 'Headers that are not complete after ten to twelve seconds'
const SLOW_MS = 60_000

const PARSED = rowsBelow('What Bun answers itself')

test('what Bun answers before our code is what the page says, and nothing more', async () => {
  const said = PARSED.map(([request]) => request)
  assert.deepEqual(said, [...Object.keys(REQUESTS), SLOW])
  for (const [request = '', answer = ''] of PARSED) {
    const status = answer === 'none' ? 0 : Number(answer)
    for (const bytes of REQUESTS[request] ?? []) {
      const got = await rawAnswer(it.server.http, bytes)
      assert.equal(got.status, status, `${request}: ${JSON.stringify(bytes.slice(0, 200))}`)
      if (status === 0) continue
      assert.deepEqual(got.headers, [['Connection', 'close']], request)
    }
  }
})

test('headers that come too slowly end the connection without an answer', async () => {
  const raw = new RawSocket(it.server.port)
  raw.write(`GET / HTTP/1.1\r\n${HOST}A: `)
  const drip = setInterval(() => raw.write('x'), 500)
  try {
    await until('the connection is closed', () => raw.isClosed, SLOW_MS)
  } finally {
    clearInterval(drip)
  }
  assert.equal(raw.byteCount, 0)
})

/** What follows a request in the same write, and must not be taken for another one or be lost. */
test('what stands behind a request is the next one only where the first has ended', async () => {
  const inner = line('GET /inner HTTP/1.1')
  for (const [first, answers] of [
    // One that is answered at once: behind one that waits, as / does, Bun ends the connection.
    [line('GET /none HTTP/1.1'), 2],
    [get(`Content-Length: ${inner.length}\r\n`), 1],
    [post(`Content-Length: ${inner.length}\r\n`), 1],
    [`${get(CHUNKED)}${inner.length.toString(16)}\r\n`, 1],
  ] as const) {
    const raw = new RawSocket(it.server.port)
    raw.write(first + inner)
    if (first.includes('chunked')) raw.write('\r\n0\r\n\r\n')
    await until('an answer', () => raw.text.includes('HTTP/1.1 '))
    const last = new RawSocket(it.server.port)
    last.write(line('GET / HTTP/1.1'))
    await last.status() // whatever was to be answered before is answered by now
    last.destroy()
    assert.equal(raw.text.split('HTTP/1.1 ').length - 1, answers, first)
    raw.destroy()
  }
})

const STATES = ['kept', 'other', 'yours', 'later']
const PROMISES = [...rowsBelow('What wSocket promises'), ...rowsBelow('What Sockudo asks for')]
const PROOF = /`([^`]+\.ts)`: “([^”]+)”/g

test('every line has a state, and every line that is kept has a proof', () => {
  assert.ok(PROMISES.length > 80, 'the tables were found')
  for (const [promise = '', state = '', proof = '', ...rest] of PROMISES) {
    assert.deepEqual(rest, [], `three cells: ${promise}`)
    assert.ok(STATES.includes(state), `${promise}: ${state}`)
    assert.ok(proof !== '', promise)
    if (state === 'kept') assert.match(proof, new RegExp(PROOF.source), promise)
    const known = proof.replaceAll(PROOF, '')
    assert.doesNotMatch(known, /[“”]/, `a proof that cannot be read: ${promise}`)
  }
})

test('every test the page names is in the file it names, and runs with all others', () => {
  const proofs = PROMISES.flatMap(([, , proof = '']) => [...proof.matchAll(PROOF)])
  assert.ok(proofs.length > 100, 'the proofs were found')
  for (const [, file = '', name = ''] of proofs) {
    assert.ok(existsSync(join(root, file)), `there is no ${file}`)
    assert.ok(runs(file), `${file} is run`)
    assert.ok(registeredIn(file).has(name), `${file} has no test “${name}”`)
  }
})

/** Suites of ports are run by the tests that import them, everything else by its name. */
function runs(file: string): boolean {
  if (/^(?:packages\/[^/]+\/src|test\/conformance|scripts)\/.+\.test\.ts$/.test(file)) return true
  if (!file.startsWith('test/contract/')) return false
  const name = file.slice('test/contract/'.length)
  return importers(name).some((each) => each.endsWith('.test.ts') || runs(each))
}

function importers(name: string): string[] {
  return sources().filter((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    return new RegExp(`from '[^']*/${name.replace('.', '\\.')}'`).test(text)
  })
}

function sources(): string[] {
  return ['packages', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
      .map((file) => `${folder}/${file}`),
  )
}

/** `test('name', ...)`, `test.each(...)('name', ...)`: the first text of a call before a function. */
const QUOTED = ["'", '"', '`'].map((quote) => `${quote}((?:\\\\.|[^${quote}\\\\])*)${quote}`)
const REGISTERED = new RegExp(
  `(?:\\btest|\\))\\(\\s*(?:${QUOTED.join('|')}),\\s*(?:async\\s*)?(?:\\(|\\w+\\s*=>)`,
  'g',
)

const known = new Map<string, ReadonlySet<string>>()

/** Names as they stand in the source, with what a template puts in still to be put in. */
function registeredIn(file: string): ReadonlySet<string> {
  const before = known.get(file)
  if (before !== undefined) return before
  const text = readFileSync(join(root, file), 'utf8')
  const names = [...text.matchAll(REGISTERED)].map(([, single, double, template]) =>
    (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1'),
  )
  const found = new Set(names)
  known.set(file, found)
  return found
}
