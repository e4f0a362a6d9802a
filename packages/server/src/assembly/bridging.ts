/** Connects both hubs by the bridges of apps, held to the rule sets of their organizations. */
import type { AppSpace } from '../core/app-space.ts'
import type { Bridging, BridgeSides } from '../core/bridges/bridging.ts'
import type { RuleQuestion } from '../core/rules/rule-question.ts'
import type { LoadedApp } from '../credentials/app-directory.ts'
import type { MqttIdentity } from '../credentials/mqtt/mqtt-identity.ts'
import type { CredentialCore } from './credential-core.ts'

/** Whose event it was: the connection it came by has been named where it came in. */
const SOURCE = { ip: '', agent: '', protocol: 'bridge' }
/** Placeholders that name a client of MQTT stand for nobody. */
const NO_CLIENT = ''

export function connectBridges(
  bridging: Bridging,
  { authority, ruleBook, recordDenial }: CredentialCore,
  sides: Omit<BridgeSides, 'mayPublish'>,
): void {
  const mayPublish = (space: AppSpace, question: RuleQuestion, userId: string | undefined) => {
    const loaded = authority.apps.findById(space.app.id)
    if (loaded === undefined) return false
    const identity = identityOf(loaded, userId)
    const rules = ruleBook.rulesFor(identity, NO_CLIENT)
    if (rules.mayPublish(question.topic, question.qos, question.retain)) return true
    const attempt = ruleBook.denialOf(question, { rules, identity, source: SOURCE })
    if (attempt !== undefined) recordDenial(attempt, loaded.app)
    return false
  }
  bridging.connect({ ...sides, mayPublish })
}

/** Who sent an event, as rules of topics know users: a member by its id, all others as nobody. */
function identityOf(loaded: LoadedApp, userId: string | undefined): MqttIdentity {
  return {
    loaded,
    owner: userId === undefined ? `app:${loaded.app.id}` : `user:${userId}`,
    username: userId ?? '',
    userId,
    email: undefined,
    claims: undefined,
    integration: undefined,
    ruleSet: undefined,
    acl: undefined,
    mayPublish: true,
    maySubscribe: false,
    reliances: [],
    expiresAtMs: () => undefined,
    limits: undefined,
  }
}
