import { describe, expect, test } from 'bun:test'
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createStopSwitch, REPEAT_WINDOW_MS } from './stop.ts'

/** Records what the switch does; `pass` lets the window end. */
function switchWithRecord() {
  const done: string[] = []
  const waiting: { action: () => void; delayMs: number }[] = []
  const stop = createStopSwitch({
    drain: (reason) => done.push(`drain ${reason}`),
    abort: () => done.push('abort'),
    later: (action, delayMs) => waiting.push({ action, delayMs }),
  })
  const pass = () => {
    for (const { action } of waiting.splice(0)) action()
  }
  return { done, waiting, stop, pass }
}

describe('stopping', () => {
  test('the first signal drains', () => {
    const { done, waiting, stop } = switchWithRecord()
    stop('SIGTERM')
    expect(done).toEqual(['drain SIGTERM'])
    expect(waiting.map(({ delayMs }) => delayMs)).toEqual([REPEAT_WINDOW_MS])
  })

  test('one wish that arrives twice, from the group and from the launcher, drains once', () => {
    const { done, stop } = switchWithRecord()
    stop('SIGINT')
    stop('SIGINT')
    stop('SIGTERM')
    expect(done).toEqual(['drain SIGINT'])
  })

  test('a second wish ends at once', () => {
    const { done, stop, pass } = switchWithRecord()
    stop('SIGTERM')
    pass()
    stop('SIGTERM')
    expect(done).toEqual(['drain SIGTERM', 'abort'])
  })
})

test('a program whose launcher was killed notices', async () => {
  const module = resolve(import.meta.dir, 'stop.ts')
  const program = `import { watchLauncher } from ${JSON.stringify(module)}
watchLauncher(process.env.LOCKGATE_LAUNCHER_PID, () => { console.log('gone'); process.exit(0) })
console.log('ready')
setInterval(() => {}, 1000)`
  const launcher = `const { spawn } = require('node:child_process')
const env = { ...process.env, LOCKGATE_LAUNCHER_PID: String(process.pid) }
spawn(process.execPath, ['-e', ${JSON.stringify(program)}], { env, stdio: 'inherit' })
setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['-e', launcher], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  // The pipe closes only when the program has ended, too.
  await new Promise<void>((done) => {
    child.stdout.on('data', (text) => {
      output += String(text)
      if (output === 'ready\n') child.kill('SIGKILL')
    })
    child.stdout.on('end', () => done())
  })
  expect(output).toBe('ready\ngone\n')
})
