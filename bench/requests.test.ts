/** The generator has to notice servers that close late, twice or with more to say, or refuse. */
import { afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compilePrograms } from './toolchain.ts'

const COUNT = 20

let program = ''
const folder = mkdtempSync(join(tmpdir(), 'lockgate-generator-'))
let server: { stop(): Promise<void> } | undefined

beforeAll(() => {
  program = compilePrograms().load
})

afterEach(async () => {
  await server?.stop()
  server = undefined
})

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function load(mode: string, port: number, words: readonly string[]) {
  const common = ['--protocol', 'raw', '--port', String(port), '--count', String(COUNT)]
  const bounds = ['--patience', '1', '--quiet', '0.1']
  const command = [program, mode, ...common, ...bounds, ...words]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' })
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output, complaint, exitCode }
}

function requestFile(name: string, body: string): string {
  const path = join(folder, name)
  writeFileSync(path, `POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${body}`)
  return path
}

/** Ends every connection by `end` when it is asked to. */
function startClosing(end: (socket: Bun.ServerWebSocket, index: number) => void): number {
  const sockets: Bun.ServerWebSocket[] = []
  const peer = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, self) {
      if (request.method === 'GET') return self.upgrade(request) ? undefined : new Response('')
      sockets.forEach(end)
      return Response.json({ closedCount: sockets.length })
    },
    websocket: { open: (socket) => void sockets.push(socket), message: () => undefined },
  })
  server = { stop: () => peer.stop(true) }
  return Number(peer.port)
}

describe('the close frames of a revocation', () => {
  const words = ['--request', requestFile('close', '{}')]

  test('are all timed, and the answer is kept', async () => {
    const port = startClosing((socket) => socket.close(4009, 'over'))
    const outcome = await load('close', port, words)
    expect(outcome.complaint).toBe('')
    const { lastMs, ...rest } = JSON.parse(outcome.output)
    expect(lastMs).toBeGreaterThan(0)
    expect(rest).toMatchObject({ connections: COUNT, code: 4009, answer: { closedCount: COUNT } })
  })

  test('are missed when one connection stays open', async () => {
    const port = startClosing((socket, index) => {
      if (index !== 3) socket.close(4009, 'over')
    })
    const outcome = await load('close', port, words)
    expect(outcome.complaint).toContain(`${COUNT - 1} of ${COUNT} connections were closed`)
    expect(outcome.exitCode).toBe(1)
  })

  test('must be the last a client hears, and of one code', async () => {
    const talking = startClosing((socket) => {
      socket.send('one more')
      socket.close(4009, 'over')
    })
    expect((await load('close', talking, words)).complaint).toContain('a frame that is no refusal')
    await server?.stop()
    const mixed = startClosing((socket, index) => socket.close(index === 3 ? 4200 : 4009, 'over'))
    expect((await load('close', mixed, words)).complaint).toContain('closed with 4')
  })
})

describe('requests', () => {
  const first = requestFile('first', '{"grant":"first"}')
  const next = requestFile('next', '{"token":"{refresh_token}"}')
  const shape = ['--request', first, '--seconds', '0.1', '--expect', 'token']

  function startAnswering(answer: (body: { token?: string }, count: number) => Response): number {
    let count = 0
    const peer = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: async (request) => answer((await request.json()) as { token?: string }, ++count),
    })
    server = { stop: () => peer.stop(true) }
    return Number(peer.port)
  }

  test('of a chain carry the token of the answer before', async () => {
    const known = new Set<string>()
    const port = startAnswering(({ token }, count) => {
      if (token !== undefined && !known.delete(token)) return new Response('', { status: 401 })
      known.add(`rt_${count}`)
      return Response.json({ refresh_token: `rt_${count}` })
    })
    const outcome = await load('post', port, [...shape, '--next', next])
    expect(outcome.complaint).toBe('')
    expect(JSON.parse(outcome.output).requests).toBeGreaterThan(COUNT)
  })

  test('fail on a refusal, on another answer and on a token that comes back', async () => {
    const refusing = startAnswering(() => new Response('no', { status: 429 }))
    expect((await load('post', refusing, shape)).complaint).toContain('a refusal: HTTP/1.1 429')
    await server?.stop()
    const empty = startAnswering(() => Response.json({}))
    expect((await load('post', empty, shape)).complaint).toContain('an unexpected answer')
    await server?.stop()
    const same = startAnswering(() => Response.json({ refresh_token: 'same' }))
    const outcome = await load('post', same, [...shape, '--next', next])
    expect(outcome.complaint).toContain('a refresh gave the token back that was used')
    expect(outcome.exitCode).toBe(1)
  })
})
