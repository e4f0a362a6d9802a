/** What the server says to the outside by itself: nothing. Read off the sockets it has open. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { publish } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'

const APP = app('quiet')
const it = serving({ apps: [APP] })

/** State of a listener in `/proc/net/tcp`. */
const LISTENING = '0A'
/** Longer than the slowest of what the server does by itself in its first seconds. */
const LOOKS = { count: 60, everyMs: 50 }

interface OpenSocket {
  readonly localPort: number
  readonly state: string
}

/** The sockets of one protocol that a process has open now. */
function openSockets(processId: number, protocol: string): OpenSocket[] {
  const folder = `/proc/${processId}/fd`
  const links = readdirSync(folder).map((descriptor) => linkOf(`${folder}/${descriptor}`))
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
  const lines = readFileSync(`/proc/${processId}/net/${protocol}`, 'utf8').trim().split('\n')
  return lines.slice(1).flatMap((line) => {
    const [, local = '', , state = '', , , , , , inode = ''] = line.trim().split(/\s+/)
    if (!own.has(inode)) return []
    return [{ localPort: Number.parseInt(local.split(':')[1] ?? '', 16), state }]
  })
}

/** A descriptor may be closed between the listing and the look. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch (error) {
    assert.ok(error instanceof Error)
    return ''
  }
}

test('a server that is started and used connects to nobody', async () => {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'quiet')
  const processId = it.server.processId()
  for (let look = 0; look < LOOKS.count; look++) {
    await publish(it.server, APP, { channel: 'quiet', name: 'e', data: String(look) })
    const sockets = ['tcp', 'tcp6'].flatMap((each) => openSockets(processId, each))
    const ports = sockets.filter(({ state }) => state === LISTENING)
    assert.ok(ports.length >= 2, 'the listeners are seen, so a connection would be')
    const listening = new Set(ports.map(({ localPort }) => localPort))
    const outgoing = sockets.filter(({ localPort }) => !listening.has(localPort))
    assert.deepEqual(outgoing, [])
    assert.deepEqual(
      ['udp', 'udp6'].flatMap((each) => openSockets(processId, each)),
      [],
    )
    await pause(LOOKS.everyMs)
  }
  await wire.close()
})
