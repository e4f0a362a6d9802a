/** The door of clients of channels with messages, over two organizations with keys and tokens. */
import type { Limited } from '../../packages/server/src/core/limits/limit-refusal.ts'
import { RuleBook } from '../../packages/server/src/credentials/rules/rule-book.ts'
import { MessageDoor } from '../../packages/server/src/credentials/messages/message-door.ts'
import type { MessageIdentity } from '../../packages/server/src/credentials/messages/message-identity.ts'
import { macToken } from './foreign-world.ts'
import { type Denied, openDoorWorld } from './mqtt-door-world.ts'

export const SOURCE = { ip: '192.0.2.9', agent: '', protocol: 'wsocket' } as const
const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'

/** @param guardTexts limits of the installation. */
export async function openMessageDoorWorld(guardTexts: readonly string[] = []) {
  const world = await openDoorWorld(guardTexts)
  const { authority } = world.core
  const { bearers, guard } = world.parts
  const recordDenial = (attempt: Omit<Denied, 'owner'>, owner: Denied['owner']) =>
    void world.denials.push({ ...attempt, owner })
  const door = new MessageDoor({ apps: authority.apps, bearers, guard, recordDenial })
  const rules = new RuleBook(authority)
  const secretOf = (appId: string) => `${SECRET}${Buffer.from(appId).toString('hex')}`
  return {
    ...world,
    messages: door,
    rules,
    /** Comes in with a query, as a client writes it. */
    async show(
      query: Readonly<Record<string, string>>,
      more: { readonly origin?: string; readonly isTls?: boolean } = {},
    ): Promise<Limited<MessageIdentity>> {
      const upgrade = { origin: undefined, isTls: false, ...more }
      const text = new URLSearchParams(query).toString()
      return door.authenticate({ ...upgrade, query: text }, SOURCE)
    },
    /** A token as the backend of an app signs it, for ten minutes. */
    async tokenOf(claims: Readonly<Record<string, unknown>>, appId = 'app'): Promise<string> {
      const { credentials } = world.loaded(appId)
      if (!credentials.some(({ record }) => record.kind === 'jwt_secret')) {
        const attributes = { algorithms: ['HS256'] }
        await world.make('jwt_secret', { appId, name: 'jwt', value: secretOf(appId), attributes })
      }
      const iat = Math.floor(world.time.ms / 1_000)
      return macToken(secretOf(appId), { app: appId, iat, exp: iat + 600, ...claims })
    },
    /** The value of a fresh API key. */
    async keyOf(scopes?: readonly string[], appId = 'app'): Promise<string> {
      const name = `key ${scopes?.join(' ')}`
      const attributes = scopes === undefined ? {} : { scopes }
      const { value = '' } = await world.make('api_key', { appId, name, attributes })
      return value
    },
  }
}

export type MessageDoorWorld = Awaited<ReturnType<typeof openMessageDoorWorld>>

/** @returns the identity, or throws with the refusal. */
export function letIn(outcome: Limited<MessageIdentity>): MessageIdentity {
  if (!outcome.ok) throw new Error(outcome.refusal)
  return outcome.value
}
