/** What people ask for when the secret of a webhook endpoint is to rotate. */
export interface WebhookRotation {
  readonly endpointId: string
  readonly overlapMs?: number | undefined
  readonly dropWhenAdopted?: boolean | undefined
  readonly value?: string | undefined
  readonly isForced?: boolean | undefined
  readonly reason?: string | undefined
}
