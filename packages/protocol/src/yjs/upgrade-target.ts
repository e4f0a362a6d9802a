/**
 * What the upgrade request of an editor says: which document, and with which token. Contract
 * WireSocket 5, with what its clients make of URLs. Pure; nothing read here is verified.
 */
import { isDocumentName } from './document-name.ts'

/** The parts of a request that matter here, as they were sent. */
export interface UpgradeText {
  readonly path: string
  /** Without the `?`. */
  readonly query: string
  readonly authorization: string | undefined
  readonly subprotocols: readonly string[]
}

export type TokenCarrier = 'header' | 'subprotocol' | 'query'

/** `none`: the path names no document, as Hocuspocus clients do. */
export type TargetDocument =
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'invalid' }

export interface UpgradeTarget {
  readonly document: TargetDocument
  /** Undefined: none in any carrier. A secret. */
  readonly token: string | undefined
  readonly carrier: TokenCarrier | undefined
  /** The one to select in the answer. */
  readonly subprotocol: string | undefined
}

/** Offered before the token itself; the older spelling is still in use. */
const SUBPROTOCOLS = ['access_token', 'Bearer'] as const
/** The newer spelling first. */
const PARAMETERS = ['token', 'access_token'] as const

/** @param prefixes such as `/ws`: begin with a slash and do not end with one. */
export function readUpgradeTarget(
  { path, query, authorization, subprotocols }: UpgradeText,
  prefixes: readonly string[],
): UpgradeTarget {
  const prefix = prefixes.find((each) => path === each || path.startsWith(`${each}/`))
  const segments = segmentsOf(path.slice(prefix?.length ?? 0))
  const subprotocol = SUBPROTOCOLS.find((each) => subprotocols.includes(each))
  const asked = tokenInQuery(query)
  const found = firstOf([
    ['header', bearerIn(authorization)],
    ['subprotocol', subprotocol && offeredBehind(subprotocol, subprotocols)],
    ['query', asked.token],
  ])
  return {
    document: documentOf(segments, asked.segments),
    token: found?.[1],
    carrier: found?.[0],
    subprotocol,
  }
}

type Found = readonly [carrier: TokenCarrier, token: string | undefined]

function firstOf(carriers: readonly Found[]): Found | undefined {
  return carriers.find(([, token]) => token !== undefined && token !== '')
}

/** RFC 6750 §2.1; a scheme has no case (RFC 9110 §11.1). */
function bearerIn(authorization: string | undefined): string | undefined {
  return /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1]
}

function offeredBehind(marker: string, offered: readonly string[]): string | undefined {
  return offered[offered.indexOf(marker) + 1]
}

/**
 * A provider that is given `wss://host?token=TOKEN` as its base appends `/document` to the value: a
 * token has no slash, so the first one ends it.
 */
function tokenInQuery(query: string): {
  readonly token: string | undefined
  readonly segments: readonly string[]
} {
  const parameters = new URLSearchParams(query)
  const value = PARAMETERS.map((name) => parameters.get(name)).find((each) => Boolean(each)) ?? ''
  const cut = value.indexOf('/')
  if (cut < 0) return { token: value, segments: [] }
  return { token: value.slice(0, cut), segments: value.slice(cut).split('/').filter(Boolean) }
}

/** Each decoded once: what is no percent-encoding stays, and is no name. */
function segmentsOf(path: string): readonly string[] {
  return path.split('/').filter(Boolean).map(decoded)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    if (error instanceof URIError) return segment
    throw error
  }
}

/** A URL of Discovery has the document already, and providers append it once more. */
function documentOf(path: readonly string[], query: readonly string[]): TargetDocument {
  const [name, ...others] = [...path, ...query]
  if (name === undefined) return { kind: 'none' }
  const isOne = others.every((each) => each === name) && others.length <= REPEAT_COUNT_MAX
  return isOne && isDocumentName(name) ? { kind: 'named', name } : { kind: 'invalid' }
}

/** In the path, in the query, and appended. */
const REPEAT_COUNT_MAX = 2
