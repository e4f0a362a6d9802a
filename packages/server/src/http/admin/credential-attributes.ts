/** What a new credential is for, from the fields of the call. Fields of other kinds are refused. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { checkKeyLimits } from '../../credentials/administration/limit-texts.ts'
import { HMAC_ALGORITHMS } from '../../credentials/foreign-keys/algorithms.ts'
import {
  areHmacAlgorithms,
  areSignatureAlgorithms,
  type KeyFields,
} from '../../credentials/foreign-keys/registered-key.ts'
import { newAppKey } from '../../credentials/identifiers.ts'
import { checkScopes } from '../../credentials/scopes.ts'
import type { Random } from '../../ports/random.ts'
import type { CredentialAttributes, CredentialKind } from '../../ports/records/credential.ts'

export interface CredentialFields extends KeyFields {
  readonly kind: CredentialKind
  readonly prefix?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly limits?: readonly string[] | undefined
  readonly ruleSet?: string | undefined
  readonly algorithms?: readonly string[] | undefined
  readonly issuer?: string | undefined
  readonly audience?: readonly string[] | undefined
}

type Attributes = Result<CredentialAttributes, 'input_invalid'>

export function attributesOf(fields: CredentialFields, random: Random): Attributes {
  const { kind, prefix, scopes, limits, ruleSet, algorithms, issuer, audience } = fields
  if (kind !== 'api_key' && (prefix !== undefined || scopes !== undefined)) {
    return refuse('input_invalid', 'Only API keys have a prefix and scopes.')
  }
  const scoped = checkScopes(scopes)
  if (!scoped.ok) return scoped
  const limited = checkKeyLimits(kind, limits)
  if (!limited.ok) return limited
  if (kind !== 'jwt_secret' && (issuer !== undefined || audience !== undefined)) {
    return refuse('input_invalid', 'Only JWT secrets have an issuer and an audience.')
  }
  if (ruleSet !== undefined && kind !== 'mqtt_user') return refuse('input_invalid', RULE_SET_TEXT)
  if (kind === 'jwt_secret' || kind === 'client_secret') return signingAttributes(fields)
  if (algorithms !== undefined) {
    return refuse('input_invalid', 'Only JWT secrets and public keys have algorithms.')
  }
  if (kind === 'mqtt_user') return ok(ruleSet === undefined ? {} : { ruleSet })
  if (kind !== 'api_key') return ok(kind === 'signing_secret' ? { appKey: newAppKey(random) } : {})
  return ok({
    prefix: prefix ?? 'sk',
    ...(scopes === undefined ? {} : { scopes }),
    ...(limits === undefined ? {} : { limits }),
  })
}

/** RFC 8725 §3.1: what may sign is decided here, where the key is registered. */
function signingAttributes(fields: CredentialFields): Attributes {
  const { kind, algorithms, issuer, audience } = fields
  const hasKey = [fields.jwk, fields.publicKeyPem, fields.jwksUrl].some(
    (each) => each !== undefined,
  )
  const isSecret = kind === 'jwt_secret' && !hasKey
  const chosen = algorithms ?? (isSecret ? HMAC_ALGORITHMS : undefined)
  if (chosen !== undefined) {
    if (!hasKey && !isSecret) return refuse('input_invalid', 'A client secret has no algorithms.')
    const isFit = hasKey ? areSignatureAlgorithms(chosen) : areHmacAlgorithms(chosen)
    if (!isFit) return refuse('input_invalid', hasKey ? SIGNATURE_TEXT : HMAC_TEXT)
  }
  return ok({
    ...(chosen === undefined ? {} : { algorithms: chosen }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  })
}

const RULE_SET_TEXT = 'Only MQTT users have a rule set.'
const SIGNATURE_TEXT = 'Public keys verify ES256, ES384, EdDSA, Ed25519, PS256 or RS256.'
const HMAC_TEXT = 'Secrets verify HS256, HS384 or HS512.'
