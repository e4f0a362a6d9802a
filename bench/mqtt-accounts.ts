/**
 * Who the MQTT clients of the bench are: each is a user of its own with a token that our token
 * service has minted, held by the organization's rules, a rule set with placeholders and the lists
 * of the token, under limits of three tiers that are asked and never reached.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Administration } from '../test/support/administration.ts'
import { type Token, TokenDriver } from '../test/support/token-driver.ts'
import { type Installation, MQTT_APP, startLockgate, TENANT_ID } from './servers.ts'

/** Minted at a time. */
const MINTING_COUNT = 64
const TTL_SECONDS = 86_400
const INTEGRATION = 'bench'
/** Topics of `load mqtt` and of `load mqtt-open`. */
export const TRAFFIC_TOPIC = 'bench'
export const OWN_TOPIC = 'own'

/** Seventeen that are tried for nothing, and the ones that decide. */
const RULES = [
  ...Array.from({ length: 8 }, (_, at) => ({
    effect: 'deny',
    actions: ['publish', 'subscribe'],
    filter: `internal/${at}/\${user_id}/#`,
  })),
  ...Array.from({ length: 8 }, (_, at) => ({
    effect: 'allow',
    actions: ['publish', 'subscribe'],
    filter: `rooms/${at}/\${client_id}/+`,
  })),
  { effect: 'allow', actions: ['subscribe'], filter: `${OWN_TOPIC}/\${client_id}` },
  { effect: 'allow', actions: ['publish'], filter: `${OWN_TOPIC}/+` },
  { effect: 'allow', actions: ['publish', 'subscribe'], filter: `${TRAFFIC_TOPIC}/+`, qosMax: 1 },
]

/**
 * A file with `count` accounts for the generator, minted by a server of its own: the one that is
 * measured has just started.
 * @param use `new`: tokens nobody has connected with; `known`: the same clients as last time.
 */
export async function accountsFile(
  installation: Installation,
  count: number,
  use: 'new' | 'known',
): Promise<string> {
  const path = join(installation.folder, `accounts-${count}-${use}`)
  if (use === 'known' && existsSync(path)) return path
  const server = await startLockgate(installation)
  try {
    const keys = await KeyOfMinting.of(installation)
    writeAccounts(path, await keys.mint(count, 'c'), 'c')
  } finally {
    await server.stop()
  }
  return path
}

/** One account a line. Of its owner only. */
export function writeAccounts(path: string, tokens: readonly Token[], prefix: string): void {
  const lines = tokens.map(({ mqtt_credentials: { username, password } }, at) => {
    return `${prefix}${at} ${username} ${password}\n`
  })
  writeFileSync(path, lines.join(''), { mode: 0o600 })
}

export class KeyOfMinting {
  readonly #secretKey: string
  readonly driver: TokenDriver

  private constructor(secretKey: string, http: string) {
    this.#secretKey = secretKey
    this.driver = new TokenDriver(http)
  }

  /** Makes the rules, the integration and the key of the bench where they are not there yet. */
  static async of({ folder, operatorKeyFile, httpPort }: Installation): Promise<KeyOfMinting> {
    const http = `http://127.0.0.1:${httpPort}`
    const path = join(folder, 'minting.key')
    if (!existsSync(path)) {
      const operatorKey = readFileSync(operatorKeyFile, 'utf8').trim()
      writeFileSync(path, await makeKey(http, operatorKey), { mode: 0o600 })
    }
    return new KeyOfMinting(readFileSync(path, 'utf8'), http)
  }

  /** @returns tokens of as many users. */
  async mint(count: number, prefix: string): Promise<Token[]> {
    const tokens: Token[] = []
    let next = 0
    const mintOn = async () => {
      for (let at = next++; at < count; at = next++)
        tokens[at] = await this.#mintOne(`${prefix}${at}`)
    }
    await Promise.all(Array.from({ length: MINTING_COUNT }, mintOn))
    return tokens
  }

  #mintOne(userId: string): Promise<Token> {
    const topics = [`${TRAFFIC_TOPIC}/+`, `${OWN_TOPIC}/+`]
    return this.driver.create({
      organization_id: TENANT_ID,
      secret_key: this.#secretKey,
      user_email: `${userId}@bench.example`,
      user_id: userId,
      ttl: TTL_SECONDS,
      integration_id: INTEGRATION,
      acl: { publish: topics, subscribe: topics },
    })
  }
}

async function makeKey(http: string, operatorKey: string): Promise<string> {
  const administration = new Administration(
    () => ({ http }),
    () => operatorKey,
  )
  const parameters = { tenantId: TENANT_ID }
  await administration.done('rules.create', { parameters, body: { name: 'bench', rules: RULES } })
  await administration.done('integrations.create', {
    parameters,
    body: { name: INTEGRATION, app: MQTT_APP.id, ruleSet: 'bench' },
  })
  const made = await administration.done('credentials.create', {
    parameters: { appId: MQTT_APP.id },
    body: { kind: 'api_key', name: 'minting', prefix: 'sk' },
  })
  return made.value ?? ''
}
