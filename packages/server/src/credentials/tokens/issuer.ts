/**
 * Who issues the tokens: a URL for each tenant, `{base}/{tenantId}` (decision 19). The base comes
 * from the configuration, else from where the server listens; it is fixed once and no request
 * header ever decides it, so nobody can have a token made out to another issuer.
 */

/** RFC 9562 §4, lowercase: what follows the base. */
const TENANT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export class Issuer {
  #base: string | undefined

  /** @param publicUrl absolute, without a slash at the end; undefined: {@link fix} says it. */
  constructor(publicUrl: string | undefined) {
    this.#base = publicUrl
  }

  /** Called once, when it is known where the server listens; what is configured goes first. */
  fix(base: string): void {
    this.#base ??= base
  }

  get base(): string {
    if (this.#base === undefined) throw new Error('the issuer is asked for before the start')
    return this.#base
  }

  of(tenantId: string): string {
    return `${this.base}/${tenantId}`
  }

  /** @returns the tenant an issuer of ours stands for; undefined for any other text. */
  tenantOf(issuer: unknown): string | undefined {
    if (typeof issuer !== 'string' || !issuer.startsWith(`${this.base}/`)) return undefined
    const tenantId = issuer.slice(this.base.length + 1)
    return TENANT_ID.test(tenantId) ? tenantId : undefined
  }
}
