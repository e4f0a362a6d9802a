/**
 * Asks for a token as a page asks its own backend. Here the server itself stands in for one; it
 * believes a page who it was before, which a backend knows by its session.
 */

/** @throws what the server said. */
export async function fetchToken(): Promise<string> {
  const guest = sessionStorage.getItem('guest')
  const query = guest === null ? '' : `?guest=${guest}`
  const answer = await fetch(`/examples/token${query}`, { method: 'POST' })
  const body = (await answer.json()) as { token?: string; guest?: string; error?: string }
  if (body.token === undefined) throw new Error(body.error)
  // Whoever comes back is the same member, not one more.
  sessionStorage.setItem('guest', body.guest ?? '')
  return body.token
}
