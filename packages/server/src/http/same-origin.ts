/** Whether a request comes from a page of this very server. */

/** Programs without an Origin header are let through; browsers always send one on POST. */
export function isSameOrigin({ headers }: Request): boolean {
  const origin = headers.get('origin')
  const host = headers.get('host')
  return origin === null || origin === `http://${host}` || origin === `https://${host}`
}
