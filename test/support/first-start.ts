/** A server that finds nothing: no configuration, an empty directory. What a newcomer starts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppConfig, type LiveServer, startBare } from './server.ts'
import { until } from './wait.ts'

export interface Newcomer {
  readonly dataDir: string
  start(): Promise<LiveServer>
  /** Removes everything. */
  leave(): void
}

export function newcomer(): Newcomer {
  const workingDir = mkdtempSync(join(tmpdir(), 'lockgate-first-'))
  const dataDir = join(workingDir, 'data')
  const environment = {
    LOCKGATE_DATA_DIR: dataDir,
    LOCKGATE_LISTEN_HTTP: '127.0.0.1:0',
    LOCKGATE_LISTEN_HTTPS: '127.0.0.1:0',
    LOCKGATE_LISTEN_MQTT: '127.0.0.1:0',
    LOCKGATE_LISTEN_OPS: '127.0.0.1:0',
    LOCKGATE_DRAIN_MS: '0',
  }
  return {
    dataDir,
    start: () => startBare({ environment, workingDir }),
    leave: () => rmSync(workingDir, { recursive: true, force: true }),
  }
}

/** The demo app as the first start prints it, which is after it listens. */
export async function printedApp(server: LiveServer): Promise<AppConfig> {
  const field = (name: string): string | undefined =>
    new RegExp(`^\\s*${name}\\s+(\\S+)\\s*$`, 'm').exec(server.stdout)?.[1]
  return until('the credentials are printed', () => {
    const [id, key, secret] = [field('appId'), field('key'), field('secret')]
    return id && key && secret ? { id, key, secret } : undefined
  })
}
