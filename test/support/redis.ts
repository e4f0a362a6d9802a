/** A Redis of the system's own package for the length of a test, behind a socket in its folder. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type RedisClientType } from '@redis/client'
import { until } from './wait.ts'

/** Ends it even where the test process was killed before it could. */
const LIFE_SECONDS = '240'

export interface LiveRedis {
  /** Of its socket. */
  readonly path: string
  /** A client of its own, connected. */
  connect(): Promise<RedisClientType>
  /** Stops answering, as a machine that is gone does; the data are lost. */
  stop(): Promise<void>
}

export async function startRedis(): Promise<LiveRedis> {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-redis-'))
  const path = join(home, 'redis.sock')
  const settings = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no']
  const args = [LIFE_SECONDS, 'redis-server', ...settings, '--dir', home]
  const child = spawn('timeout', args, { stdio: 'ignore' })
  const kill = (): void => void child.kill('SIGTERM')
  process.once('exit', kill)
  const clients: RedisClientType[] = []
  await until('Redis listens', () => {
    assert.equal(child.exitCode, null, 'redis-server does not start')
    return existsSync(path)
  })
  return {
    path,
    connect: async () => {
      const client: RedisClientType = createClient({
        socket: { path, reconnectStrategy: false },
        disableOfflineQueue: true,
      })
      client.on('error', () => undefined) // each command rejects as well
      await client.connect()
      clients.push(client)
      return client
    },
    stop: async () => {
      for (const client of clients.splice(0)) if (client.isOpen) client.destroy()
      kill()
      await until('Redis has ended', () => child.exitCode !== null || child.signalCode !== null)
      process.off('exit', kill)
      rmSync(home, { recursive: true, force: true })
    },
  }
}
