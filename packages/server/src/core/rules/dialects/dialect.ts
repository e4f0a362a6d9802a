/**
 * Rules as other products write them: what the two forms have in common. A document comes from
 * outside, so nothing of its shape is taken for granted. Pure.
 */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RuleRecord } from '../../../ports/records/rule-set.ts'
import { isPlaceholderName } from '../placeholders.ts'
import { compileRules } from '../rule-program.ts'

export interface ImportedRules {
  readonly rules: readonly RuleRecord[]
  /** What was read otherwise than it may have been meant; sentences. */
  readonly warnings: readonly string[]
}

export interface ExportedRules {
  readonly document: Readonly<Record<string, unknown>>
  /** What the form cannot say and was left out: it allows less. */
  readonly warnings: readonly string[]
}

export type Entry = Readonly<Record<string, unknown>>

/** Names of other products for what we have; other names are those of claims. */
const KNOWN: Readonly<Record<string, string>> = {
  username: 'username',
  email: 'email',
  user_id: 'user_id',
  client_id: 'client_id',
  org_short_id: 'org',
  org: 'org',
}

/** @returns the entries of a list; a refusal where it is none, or one of them is no object. */
export function entriesOf(
  document: Entry,
  name: string,
): Result<readonly Entry[], 'input_invalid'> {
  const list = document[name] ?? []
  if (!Array.isArray(list) || !list.every(isJsonObject)) {
    return refuse('input_invalid', `${name} is a list of objects.`)
  }
  return ok(list)
}

/**
 * @param self what `{$self}` stands for.
 * @returns the filter with our placeholders.
 */
export function importFilter(text: unknown, self?: string): Result<string, 'input_invalid'> {
  if (typeof text !== 'string') return refuse('input_invalid', 'it has no topic')
  let fault: string | undefined
  const spelled = text.replace(/(^|\/)%u(?=\/|$)/g, '$1{username}')
  const filter = spelled
    .replace(/(^|\/)%c(?=\/|$)/g, '$1{client_id}')
    .replace(/\{([^{}]*)\}/g, (_, name: string) => {
      if (name === '$self' && self === undefined) fault = '{$self} needs a binding'
      const own = importName(name === '$self' ? (self ?? '') : name)
      if (!isPlaceholderName(own)) fault ??= `there is no placeholder {${name}}`
      return `\${${own}}`
    })
  return fault === undefined ? ok(filter) : refuse('input_invalid', fault)
}

/** @returns the name of our placeholder: that of a claim where we have no other. */
export function importName(name: string): string {
  if (name.startsWith('claim:')) return name
  return Object.hasOwn(KNOWN, name) ? (KNOWN[name] ?? '') : `claim:${name}`
}

/** @returns the filter as both forms write it, and the names in it. */
export function exportFilter(filter: string): {
  readonly topic: string
  readonly names: readonly string[]
} {
  const names: string[] = []
  const topic = filter.replace(/\$\{([^{}]*)\}/g, (_, name: string) => {
    const theirs = name === 'org' ? 'org_short_id' : name
    names.push(theirs)
    return `{${theirs}}`
  })
  return { topic, names }
}

/** @returns the rules, if they are ones. */
export function checkedRules(imported: ImportedRules): Result<ImportedRules, 'input_invalid'> {
  const compiled = compileRules(imported.rules)
  return compiled.ok ? ok(imported) : refuse('input_invalid', compiled.detail)
}

export interface Exportable {
  readonly rule: RuleRecord
  /** From 1. */
  readonly number: number
}

/**
 * Both forms only allow, so leaving out a rule that denies would allow more than was meant. One
 * that nothing is allowed after denies only what is denied anyway.
 */
export function exportable(
  rules: readonly RuleRecord[],
  form: string,
): Result<readonly Exportable[], 'input_invalid'> {
  const last = rules.findLastIndex(({ effect }) => effect === 'allow')
  const meant = rules.slice(0, last + 1).map((rule, index) => ({ rule, number: index + 1 }))
  const denying = meant.find(({ rule }) => rule.effect === 'deny')
  if (denying === undefined) return ok(meant)
  const { number } = denying
  return refuse('input_invalid', `Rule ${number} denies, and ${form} can only allow.`)
}

/** @returns publish and subscribe as one word of the form; undefined: the rule is for neither. */
export function wordOf<W>(
  { actions }: RuleRecord,
  words: { readonly publish: W; readonly subscribe: W; readonly both: W },
): W | undefined {
  const mayPublish = actions.includes('publish')
  const maySubscribe = actions.includes('subscribe')
  if (mayPublish && maySubscribe) return words.both
  if (mayPublish) return words.publish
  return maySubscribe ? words.subscribe : undefined
}
