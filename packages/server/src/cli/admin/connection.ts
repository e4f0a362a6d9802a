/**
 * Which server to speak to, and as whom. The operator key comes from a file or a variable, never
 * from an argument: every user of the machine can read the arguments of a process.
 */
import { readOperatorKeyFile } from '../../adapters/operator-key-file/operator-key-file.ts'
import type { Config } from '../../config/config.ts'
import type { ListenAddress } from '../../config/listen-config.ts'
import { StartProblem } from '../../ports/start-problem.ts'
import { formatProblems, loadFromProcess } from '../configuration.ts'
import { EXIT_CONFIGURATION, EXIT_FAILURE } from '../exit.ts'

export interface ConnectionFlags {
  readonly url?: string
  readonly operatorKeyFile?: string
  readonly dataDir?: string
  readonly config?: string
}

type Environment = Readonly<Record<string, string | undefined>>

export type Connection =
  | { readonly ok: true; readonly url: string; readonly key: string }
  | { readonly ok: false; readonly exitCode: number; readonly text: string }

type Step<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly exitCode: number; readonly text: string }

/**
 * Flags win over variables, variables over the configuration. What is not asked for is not read: a
 * URL and a key of your own need no configuration at all.
 */
export async function findConnection(
  flags: ConnectionFlags,
  environment: Environment,
): Promise<Connection> {
  let loaded: Promise<Step<Config>> | undefined
  const config = (): Promise<Step<Config>> => {
    loaded ??= loadConfiguration(flags)
    return loaded
  }
  const url = await findUrl(flags.url ?? textOf(environment['LOCKGATE_URL']), config)
  if (!url.ok) return url
  const key = await findKey(flags, environment, config)
  if (!key.ok) return key
  return { ok: true, url: url.value, key: key.value }
}

async function loadConfiguration({ config, dataDir }: ConnectionFlags): Promise<Step<Config>> {
  const flags: Record<string, string> = dataDir === undefined ? {} : { 'data-dir': dataDir }
  const outcome = await loadFromProcess({ configPath: config, flags })
  if (outcome.ok) return { ok: true, value: outcome.config }
  const hint = 'Give --url and --operator-key-file to do without the configuration.\n'
  return wrongCall(`${formatProblems(outcome.problems)}${hint}`)
}

async function findUrl(
  given: string | undefined,
  config: () => Promise<Step<Config>>,
): Promise<Step<string>> {
  if (given !== undefined) {
    const isHttp = URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)
    if (isHttp) return { ok: true, value: given }
    return wrongCall('lockgate: the URL is no http or https address: use http://host:port\n')
  }
  const loaded = await config()
  if (!loaded.ok) return loaded
  const { listen, pathPrefix } = loaded.value
  if (listen.http.port === 0) {
    return wrongCall('lockgate: listen.http has port 0, so the address is not known: give --url\n')
  }
  return { ok: true, value: `http://${reachable(listen.http)}${pathPrefix}` }
}

/** Where this machine reaches a listener; an address that means all is reached over loopback. */
function reachable({ hostname, port }: ListenAddress): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]', '[::]': '[::1]' }[hostname] ?? hostname
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

async function findKey(
  flags: ConnectionFlags,
  environment: Environment,
  config: () => Promise<Step<Config>>,
): Promise<Step<string>> {
  if (flags.operatorKeyFile !== undefined) return readKey(flags.operatorKeyFile)
  if (flags.dataDir === undefined) {
    const file = textOf(environment['LOCKGATE_OPERATOR_KEY_FILE'])
    if (file !== undefined) return readKey(file)
    const key = textOf(environment['LOCKGATE_OPERATOR_KEY'])
    if (key !== undefined) return checkKey(key, 'LOCKGATE_OPERATOR_KEY')
  }
  const loaded = await config()
  if (!loaded.ok) return loaded
  return readKey(`${loaded.value.dataDir}/operator.key`)
}

function readKey(path: string): Step<string> {
  try {
    const key = readOperatorKeyFile(path)
    if (key !== undefined) return checkKey(key, path)
  } catch (error) {
    if (!(error instanceof StartProblem)) throw error
    return { ok: false, exitCode: EXIT_FAILURE, text: `lockgate: ${error.problem}\n` }
  }
  const next = 'start the server once, or name the key with --operator-key-file or --data-dir'
  const text = `lockgate: there is no operator key in ${path}: ${next}\n`
  return { ok: false, exitCode: EXIT_FAILURE, text }
}

/** Only the shape; whether it is one that counts is the server's to say. */
function checkKey(key: string, where: string): Step<string> {
  if (/^op_[\x21-\x7e]{1,256}$/.test(key)) return { ok: true, value: key }
  const text = `lockgate: what ${where} holds is no operator key: one begins with op_\n`
  return { ok: false, exitCode: EXIT_FAILURE, text }
}

function textOf(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function wrongCall(text: string): { ok: false; exitCode: number; text: string } {
  return { ok: false, exitCode: EXIT_CONFIGURATION, text }
}
