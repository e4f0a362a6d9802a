/** Fan-out over the wSocket protocol: each message is numbered, and kept unless a row says not. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Administration } from '../test/support/administration.ts'
import { measureTraffic, type Reading, type Settings } from './measure.ts'
import type { Column, Scenario } from './scenarios.ts'
import {
  type Installation,
  JSON_APP,
  type Server,
  startFloor,
  startLockgate,
  startWs,
} from './servers.ts'

const TRAFFIC: readonly Column[] = [
  { key: 'cpuUs', title: 'CPU us', digits: 3 },
  { key: 'userUs', title: 'user us', digits: 3 },
  { key: 'wallRate', title: 'per second', digits: 0 },
  { key: 'p50Us', title: 'p50 us', digits: 1 },
  { key: 'p99Us', title: 'p99 us', digits: 1 },
]

export const WSOCKET_SCENARIOS: readonly Scenario[] = [1, 16].map((window) => ({
  name: `wsocket-fan-out-${window}`,
  title: `wSocket fan-out to 1,000 subscribers, kept, ${window} in flight, per delivery`,
  columns: TRAFFIC,
  servers: ['lockgate', 'floor', 'ws'],
  run: (server, settings) => fanOut(server, settings, window),
}))

async function fanOut(name: string, settings: Settings, window: number): Promise<Reading> {
  const shape = { count: settings.isQuick ? 100 : 1000, window }
  const key = name === 'lockgate' ? await keyOfBench(settings.installation) : undefined
  const server = await startServer(name, settings)
  try {
    if (key === undefined) return await measureTraffic(server, settings, shape)
    return await measureTraffic(server, settings, { ...shape, key, channel: 'bench' })
  } finally {
    await server.stop()
  }
}

async function startServer(name: string, settings: Settings): Promise<Server> {
  if (name === 'ws') return startWs()
  if (name === 'floor') return startFloor(settings.programs)
  return { ...(await startLockgate(settings.installation)), protocol: 'wsocket' }
}

/** An API key as servers have it, made once for all runs. */
async function keyOfBench(installation: Installation): Promise<string> {
  const path = join(installation.folder, 'json.key')
  if (existsSync(path)) return readFileSync(path, 'utf8')
  const server = await startLockgate(installation)
  try {
    const http = `http://127.0.0.1:${installation.httpPort}`
    const operatorKey = readFileSync(installation.operatorKeyFile, 'utf8').trim()
    const administration = new Administration(
      () => ({ http }),
      () => operatorKey,
    )
    const { value = '' } = await administration.done('credentials.create', {
      parameters: { appId: JSON_APP.id },
      body: { kind: 'api_key', name: 'json', prefix: 'sk' },
    })
    writeFileSync(path, value, { mode: 0o600 })
    return value
  } finally {
    await server.stop()
  }
}
