/** A webhook endpoint as the administration shows it: no secret, and no query of its URL. */
import type { EndpointEntry } from '../../credentials/app-directory.ts'
import { shownUrl } from '../../credentials/administration/webhook-terms.ts'
import { isAccepted } from '../../credentials/engine/reading.ts'
import { publicTextOf, webhookKeyOf } from '../../credentials/webhook-secret.ts'
import type { WebhookProof } from '../../ports/records/webhook.ts'
import { timeText } from './shapes.ts'

export function webhookShape({ loaded, endpoint }: EndpointEntry, nowMs: number) {
  const { channelPrefix, channelSuffix, disabled, failingSinceMs, proof } = endpoint
  const { id, tenantId, appId, name, format, events, algorithm, credentialId } = endpoint
  return {
    id,
    tenantId,
    appId,
    name,
    receiverUrl: shownUrl(endpoint.url),
    format,
    events,
    ...(channelPrefix === '' ? {} : { channelPrefix }),
    ...(channelSuffix === '' ? {} : { channelSuffix }),
    algorithm,
    ...(credentialId === undefined ? {} : { credentialId }),
    ...publicKeys({ loaded, endpoint }, nowMs),
    isEnabled: disabled === undefined,
    ...(disabled === undefined
      ? {}
      : { disabled: { reason: disabled.reason, at: timeText(disabled.atMs) } }),
    ...(failingSinceMs === undefined ? {} : { failingSince: timeText(failingSinceMs) }),
    isDeclared: endpoint.isDeclared === true,
    ...(proof === undefined ? {} : { proof: proofShape(proof) }),
    createdAt: timeText(endpoint.createdAtMs),
    updatedAt: timeText(endpoint.updatedAtMs),
  }
}

/** A pending one too: its receiver is to have it before it signs. */
function publicKeys({ loaded, endpoint }: EndpointEntry, nowMs: number) {
  if (endpoint.algorithm !== 'ed25519') return {}
  const credential = loaded.credentials.find(({ record }) => record.id === endpoint.credentialId)
  const accepted = credential?.record.versions.filter((version) => isAccepted(version, nowMs)) ?? []
  const shown = accepted.flatMap(({ id: versionId, state }) => {
    const secret = credential?.secrets.get(versionId)
    const publicKey = secret && publicTextOf(webhookKeyOf(Buffer.from(secret).toString('utf8')))
    return publicKey === undefined ? [] : [{ versionId, state, publicKey }]
  })
  return { publicKeys: shown.reverse() }
}

function proofShape({ triedAtMs, nextAtMs, outcome, ...rest }: WebhookProof) {
  return {
    ...rest,
    ...(triedAtMs === undefined ? {} : { triedAt: timeText(triedAtMs) }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(nextAtMs === undefined ? {} : { nextAt: timeText(nextAtMs) }),
  }
}
