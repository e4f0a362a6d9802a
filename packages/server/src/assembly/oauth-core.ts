/** Puts tokens together: who comes in with one or with a key, and what gives them out. */
import type { Config } from '../config/config.ts'
import type { Hub } from '../core/hub.ts'
import type { Tally } from '../core/tally.ts'
import { Bearers } from '../credentials/bearers.ts'
import type { Log } from '../ports/log.ts'
import { TokenExchange } from '../credentials/connection-tokens/token-exchange.ts'
import type { Broker } from '../ports/broker.ts'
import { connectionsByToken, openConnectionTokens } from './connection-tokens.ts'
import type { CredentialCore } from './credential-core.ts'
import { createForeignTokens } from './foreign-tokens.ts'
import type { Guarding } from './guarding.ts'
import { createIntrospection, createTokenService } from './token-service.ts'

/** @returns what verifies tokens and keys, and what the endpoints that give them out are given. */
export async function openOauth(
  config: Pick<Config, 'tokens' | 'publicUrl'>,
  core: CredentialCore,
  parts: Guarding & {
    readonly tally: Tally
    readonly log: Log
    readonly broker: Broker
    readonly hub: Hub
  },
) {
  const { limitBook, guard, tally, log } = parts
  const { authority, check, recordUse, recordDenial, administration } = core
  const { clock } = administration
  const foreign = createForeignTokens(core, log)
  const { assertions } = foreign
  const tokens = createTokenService(config, core, { assertions, limits: limitBook })
  await tokens.signingKeys.follow()
  // Tokens that name us as their issuer are ours or nobody's; the rest may be a customer's.
  const doors = [tokens.door, foreign.door]
  const records = { recordUse, recordDenial }
  const bearers = new Bearers({ apps: authority.apps, check, clock, ...records, doors })
  const introspection = createIntrospection(core, bearers)
  const asking = { introspection, bearers, recordDenial, guard }
  const oauth = { ...tokens, ...asking, clock, tally, log }
  const connectionTokens = await openConnectionTokens(core, parts)
  const { apps, tenants } = authority
  const { hub } = parts
  const { remote } = foreign
  const exchange = new TokenExchange({ apps, tenants, remote, clock, ...records })
  const connectionsOf = (appId: string) => connectionsByToken(hub, appId)
  const serving = { apps, tenants, bearers, exchange, connectionsOf, guard, clock, tally, log }
  const tokenService = { ...connectionTokens, ...serving, recordDenial }
  return { tokens, bearers, oauth, connectionTokens, tokenService }
}
