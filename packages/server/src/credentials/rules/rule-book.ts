/**
 * Which rules hold for whom: the organization's rule set, narrowed by that of the integration, of
 * the credential and by the token's own lists. Rule sets are compiled once for each revision, in
 * memory, and bound to each principal; deciding reads no database.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { BoundRules } from '../../core/rules/bound-rules.ts'
import { DEFAULT_RULE_SET, DEFAULT_RULES } from '../../core/rules/default-rules.ts'
import { type Explanation, explainRules } from '../../core/rules/explain-rules.ts'
import { LayeredRules, type RuleLayer, type RuleScope } from '../../core/rules/layered-rules.ts'
import {
  compileRules,
  compileTokenFilters,
  type RuleProgram,
} from '../../core/rules/rule-program.ts'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { RuleSubject, TopicAcl } from '../../core/rules/topic-rules.ts'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import type { Source } from '../../core/source.ts'
import type { AppDirectory } from '../app-directory.ts'
import type { DeniedAttempt } from '../audit/denied-access.ts'
import type { Change } from '../authority.ts'
import type { MqttIdentity } from '../mqtt/mqtt-identity.ts'
import type { LoadedTenant, TenantDirectory } from '../tenant-directory.ts'
import { NarrowingTerms } from './narrowing-terms.ts'
import { topicDenial } from './topic-denial.ts'

interface Knowledge {
  readonly apps: Pick<AppDirectory, 'apps' | 'findById'>
  readonly tenants: Pick<TenantDirectory, 'find'>
  onChange(listen: (change: Change) => void): void
}

/** What narrows a principal, by name. */
export interface RuleBinding {
  readonly tenantId: string
  /** Of the app it acts in. */
  readonly appId: string
  readonly integration: string | undefined
  /** Of the credential itself. */
  readonly ruleSet: string | undefined
  readonly acl: TopicAcl | undefined
}

/** What rules are bound to of somebody who was let in. */
export type RuledIdentity = Pick<
  MqttIdentity,
  | 'loaded'
  | 'owner'
  | 'username'
  | 'userId'
  | 'email'
  | 'claims'
  | 'integration'
  | 'ruleSet'
  | 'acl'
  | 'mayPublish'
  | 'maySubscribe'
>

export interface DeniedClient {
  /** What it was held to when it was refused. */
  readonly rules: LayeredRules
  readonly identity: Pick<MqttIdentity, 'owner'>
  readonly source: Source
}

/** Rules of a tenant as they were known when somebody was last told. */
type Told = Pick<LoadedTenant, 'ruleSets' | 'integrations'>

interface Ruled {
  readonly rules: readonly RuleRecord[]
}

/** A rule set as if it were saved. */
interface RuleDraft extends Ruled {
  readonly name: string
}

type Asked = RuleBinding & { readonly draft?: RuleDraft | undefined }

/** Our bound on lists of tokens kept compiled: servers give most of their users the same. */
const TOKEN_RULES_COUNT_MAX = 1_000

const NOBODY: RuleSubject = {
  username: '',
  clientId: '',
  userId: undefined,
  email: undefined,
  claims: undefined,
  organization: '',
}
const DEFAULTS: Ruled = { rules: DEFAULT_RULES }
const WHOLE_SCOPE: RuleScope = { mayPublish: true, maySubscribe: true }

export class RuleBook {
  readonly #tenants: Knowledge['tenants']
  /** By the record, which is replaced as a whole when the tenant changes. */
  readonly #programs = new WeakMap<object, RuleProgram>()
  /** By action and filters; the oldest leaves first. */
  readonly #tokenRules = new Map<string, BoundRules | undefined>()
  readonly #told = new Map<string, Told>()
  readonly #listeners: ((tenantId: string) => void)[] = []

  constructor(knowledge: Knowledge) {
    this.#tenants = knowledge.tenants
    const terms = new NarrowingTerms(knowledge.apps)
    knowledge.onChange((change) => {
      if (change.kind === 'tenant') this.#follow(change.tenantId)
      if (change.kind !== 'app') return
      const loaded = knowledge.apps.findById(change.appId)
      const isNarrowedAnew = terms.follow(change.appId, loaded)
      if (loaded !== undefined && isNarrowedAnew) this.#tell(loaded.tenant.id)
    })
  }

  /** @returns what holds now; asked again after {@link onChange}. */
  rulesFor(identity: RuledIdentity, clientId: string): LayeredRules {
    const { loaded, integration, ruleSet, acl, mayPublish, maySubscribe } = identity
    const binding = { tenantId: loaded.tenant.id, appId: loaded.app.id, integration, ruleSet, acl }
    const layers = this.#layersOf(binding, subjectOf(identity, clientId))
    return new LayeredRules(layers, { mayPublish, maySubscribe })
  }

  /**
   * @param listen called after rule sets or integrations of a tenant changed, or what one of its
   * credentials says of topics, on every node; other changes of a tenant are not told.
   */
  onChange(listen: (tenantId: string) => void): void {
    this.#listeners.push(listen)
  }

  /**
   * What the audit log is told of a refused publish or subscribe: which layer said no, and by
   * which rule.
   * @returns undefined where `rules` allow it.
   */
  denialOf(question: RuleQuestion, denied: DeniedClient): DeniedAttempt | undefined {
    const { rules, identity, source } = denied
    const denier = rules.denierOf(question)
    return denier && topicDenial(question, denier, { owner: identity.owner, source })
  }

  /**
   * Says what every layer decides and why. Decides by the same code as for clients.
   * @returns a refusal where the draft is none.
   */
  explain(
    question: RuleQuestion,
    binding: RuleBinding,
    { subject, draft }: { readonly subject: RuleSubject; readonly draft?: RuleDraft | undefined },
  ): Result<Explanation, 'input_invalid'> {
    if (draft !== undefined) {
      const compiled = compileRules(draft.rules)
      if (!compiled.ok) return refuse('input_invalid', compiled.detail)
    }
    const asked = { ...binding, draft }
    const rules = new LayeredRules(this.#layersOf(asked, subject), WHOLE_SCOPE)
    const recordsOf = (layer: RuleLayer) => this.#recordsOf(layer, asked)
    return ok(explainRules(question, { rules, subject, recordsOf }))
  }

  #layersOf(binding: Asked, subject: RuleSubject): readonly RuleLayer[] {
    const tenant = this.#tenants.find(binding.tenantId)
    const bind = (owner: Ruled | undefined) => {
      const program = owner && this.#programOf(owner)
      return program && new BoundRules(program, subject)
    }
    const named = (name: string) => bind(ruleSetOf(tenant, name, binding.draft))
    const layers: RuleLayer[] = [
      { kind: 'organization', ruleSet: DEFAULT_RULE_SET, rules: named(DEFAULT_RULE_SET) },
    ]
    if (binding.integration !== undefined) {
      const found = integrationOf(tenant, binding)
      // An integration nobody knows is an error, never "no narrowing".
      if (found === undefined) {
        const { integration } = binding
        layers.push({ kind: 'integration', ruleSet: undefined, rules: undefined, integration })
      } else if (found.ruleSet !== undefined) {
        const { ruleSet } = found
        layers.push({ kind: 'integration', ruleSet, rules: named(ruleSet) })
      }
    }
    if (binding.ruleSet !== undefined) {
      const { ruleSet } = binding
      layers.push({ kind: 'credential', ruleSet, rules: named(ruleSet) })
    }
    for (const only of ['publish', 'subscribe'] as const) {
      const filters = binding.acl?.[only]
      if (filters === undefined) continue
      layers.push({
        kind: 'token',
        ruleSet: undefined,
        rules: this.#tokenRulesOf(only, filters),
        only,
      })
    }
    return layers
  }

  /** @returns undefined where a filter is none. They name nobody, so they are the same for all. */
  #tokenRulesOf(only: 'publish' | 'subscribe', filters: readonly string[]) {
    const known = this.#tokenRules
    const key = JSON.stringify([only, filters])
    if (known.has(key)) return known.get(key)
    const program = compileTokenFilters(only, filters)
    const rules = program && new BoundRules(program, NOBODY)
    const [oldest] = known.size < TOKEN_RULES_COUNT_MAX ? [] : known.keys()
    if (oldest !== undefined) known.delete(oldest)
    known.set(key, rules)
    return rules
  }

  #programOf(owner: Ruled): RuleProgram | undefined {
    const known = this.#programs.get(owner)
    if (known !== undefined) return known
    const compiled = compileRules(owner.rules)
    // What is stored was compiled before; a row that came in otherwise allows nothing.
    if (!compiled.ok) return undefined
    this.#programs.set(owner, compiled.value)
    return compiled.value
  }

  #recordsOf(layer: RuleLayer, { tenantId, acl, draft }: Asked): readonly RuleRecord[] {
    const { ruleSet } = layer
    const tenant = this.#tenants.find(tenantId)
    if (ruleSet !== undefined) return ruleSetOf(tenant, ruleSet, draft)?.rules ?? []
    const action = layer.only === 'publish' ? 'publish' : 'subscribe'
    return (acl?.[action] ?? []).map((filter) => ({ effect: 'allow', actions: [action], filter }))
  }

  #follow(tenantId: string): void {
    const { ruleSets = [], integrations = [] } = this.#tenants.find(tenantId) ?? {}
    const told = this.#told.get(tenantId)
    this.#told.set(tenantId, { ruleSets, integrations })
    const isSame = told !== undefined && textOf(told) === textOf({ ruleSets, integrations })
    if (!isSame) this.#tell(tenantId)
  }

  #tell(tenantId: string): void {
    for (const listen of this.#listeners) listen(tenantId)
  }
}

/** @returns what placeholders stand for. */
function subjectOf(identity: RuledIdentity, clientId: string): RuleSubject {
  const { username, userId, email, claims, loaded } = identity
  return { username, clientId, userId, email, claims, organization: loaded.tenant.shortId }
}

/** @returns undefined where there is none of this name; everybody has a `default`. */
function ruleSetOf(
  tenant: LoadedTenant | undefined,
  name: string,
  draft: RuleDraft | undefined,
): Ruled | undefined {
  if (tenant === undefined) return undefined
  if (draft?.name === name) return draft
  const found = tenant.ruleSets.find((each) => each.name === name)
  return found ?? (name === DEFAULT_RULE_SET ? DEFAULTS : undefined)
}

/** One of another app is none here. */
function integrationOf(tenant: LoadedTenant | undefined, { appId, integration }: RuleBinding) {
  return tenant?.integrations.find(
    (each) => each.name === integration && (each.appId === undefined || each.appId === appId),
  )
}

function textOf({ ruleSets, integrations }: Told): string {
  return JSON.stringify([ruleSets, integrations])
}
