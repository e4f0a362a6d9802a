import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { CAUSE_COUNT_MAX, describeError } from './described-error.ts'
import { createPinoLog, REDACTED } from './log.ts'

type Line = Record<string, unknown>

function capture(level: 'debug' | 'info' | 'warn' | 'error' = 'debug') {
  const written: string[] = []
  const log = createPinoLog({ level, destination: { write: (text) => written.push(text) } })
  return { log, written, lines: () => written.map((text) => JSON.parse(text) as Line) }
}

test('a line holds the level, the time, the event and its fields', () => {
  const { log, lines } = capture()
  log.info('listening', { port: 8080, isTls: false, names: ['a', 'b'], nothing: null })
  const [line] = lines()
  expect(line).toMatchObject({ level: 'info', event: 'listening', port: 8080, isTls: false })
  expect(line).toMatchObject({ names: ['a', 'b'], nothing: null })
  expect(new Date(String(line?.['time'])).toISOString()).toBe(String(line?.['time']))
})

test('planted secrets are in no line, whatever the spelling of their field', () => {
  const { log, written, lines } = capture()
  const names = [
    ...['secret', 'clientSecret', 'signing_secret', 'token', 'accessToken', 'refresh_token'],
    ...['password', 'PASSWORD', 'passwd', 'authorization', 'Authorization', 'auth', 'signature'],
    ...['auth_signature', 'keyMaterial', 'key_material', 'masterKey', 'privateKey', 'apiKey'],
    ...['signingKey', 'credentials', 'cookie', 'passphrase'],
  ]
  for (const name of names) {
    log.debug('planted', { [name]: 'PLANTED', key: 'public-key' })
    log.error('planted', new Error('failed'), { [name]: ['PLANTED'] })
  }
  const headers = { authorization: 'PLANTED' }
  const failure = Object.assign(new Error('failed'), { headers, secret: 'PLANTED' })
  log.error('planted', failure)
  log.error('planted', { secret: 'PLANTED' })
  expect(written.join('')).not.toContain('PLANTED')
  expect(lines()[0]).toMatchObject({ secret: REDACTED, key: 'public-key' })
})

test('an error is logged under err with its stack, code and causes', () => {
  const { log, lines } = capture()
  const cause = Object.assign(new Error('no room'), { code: 'ENOSPC' })
  log.error('store_failed', new TypeError('could not save', { cause }), { appId: 'a' })
  const [line] = lines()
  expect(line).toMatchObject({ level: 'error', event: 'store_failed', appId: 'a' })
  expect(line?.['err']).toMatchObject({
    type: 'TypeError',
    message: 'could not save',
    stack: expect.stringContaining('log.test.ts'),
    cause: { message: 'no room', code: 'ENOSPC' },
  })
})

test.each(['text', undefined, null, 7, Symbol('x'), () => 0])(
  'a thrown %p is logged too',
  (thrown) => {
    const { log, lines } = capture()
    log.error('odd', thrown)
    expect(lines()[0]).toMatchObject({ event: 'odd', err: { message: expect.any(String) } })
  },
)

test('a ring of causes is cut', () => {
  const ring = new Error('ring')
  ring.cause = ring
  let depth = 0
  for (let each = describeError(ring).cause; each !== undefined; each = each.cause) depth++
  expect(depth).toBe(CAUSE_COUNT_MAX)
})

test('lines below the level are not written', () => {
  const { log, lines } = capture('warn')
  log.debug('a')
  log.info('b')
  log.warn('c')
  log.error('d', new Error('e'))
  expect(lines().map(({ event }) => event)).toEqual(['c', 'd'])
})

test('no field can forge the line: not its own names, not a line break', () => {
  const { log, written, lines } = capture()
  log.info('real', {
    event: 'forged',
    level: 'error',
    err: 'forged',
    text: 'a\n{"event":"forged"}',
  })
  expect(written.join('').trimEnd()).not.toContain('\n')
  expect(lines()[0]).toMatchObject({
    level: 'info',
    event: 'real',
    event_: 'forged',
    err_: 'forged',
  })
})

test('the last line before a crash is on stderr, and stdout stays empty', async () => {
  const script = `
    import { createPinoLog } from ${JSON.stringify(join(import.meta.dirname, 'log.ts'))}
    const log = createPinoLog({ level: 'info' })
    for (let number = 0; number < 1000; number++) log.info('line', { number })
    process.kill(process.pid, 'SIGKILL')`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'pipe' })
  const [out, text] = await Promise.all([child.stdout.text(), child.stderr.text()])
  await child.exited
  expect(child.signalCode).toBe('SIGKILL')
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(1_000)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ event: 'line', number: 999 })
  expect(out).toBe('')
})
