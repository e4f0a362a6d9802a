/**
 * A witness that is an HTTP service: checkpoints are posted as JSON lines, and whatever 2xx it
 * answers says that it has them for good.
 */
import type { Fetcher } from '../../ports/fetcher.ts'
import { Outage } from '../../ports/outage.ts'
import type { Witness } from '../../ports/witness.ts'

/** @param fetcher may reach where the operator's witness is. */
export function openHttpWitness(url: string, fetcher: Pick<Fetcher, 'post'>): Witness {
  return {
    name: `http:${url}`,
    async attest(checkpoints) {
      const lines = checkpoints.map(({ tenantId, seq, atMs, body, signature, keyId }) =>
        JSON.stringify({ tenantId, seq, atMs, body, signature, keyId }),
      )
      const body = `${lines.join('\n')}\n`
      const answer = await post(fetcher, url, body)
      if (!answer.ok) throw unavailable(url, answer.refusal)
      const { status } = answer.value
      if (status < 200 || status > 299) throw unavailable(url, `it answers ${status}`)
    },
  }
}

async function post(fetcher: Pick<Fetcher, 'post'>, url: string, body: string) {
  try {
    return await fetcher.post(url, { body, contentType: 'application/x-ndjson' })
  } catch (error) {
    if (error instanceof Outage) throw unavailable(url, error.message, error)
    throw error
  }
}

/** The host alone: a path or query may hold something private. */
function unavailable(url: string, reason: string, cause?: unknown): Outage {
  const host = URL.parse(url)?.host ?? 'of audit.witnessUrl'
  const text = `the audit witness ${host} did not take checkpoints (${reason})`
  return new Outage('witness_unavailable', text, { port: 'witness', cause })
}
