/** The token endpoints of a started server, called as a form by hand. */
import assert from 'node:assert/strict'
import { send } from './http.ts'
import type { LiveServer } from './server.ts'

export interface TokenAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Looked into by name. */
  readonly body: ReturnType<JSON['parse']>
}

export async function postForm(
  server: LiveServer,
  target: string,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const { status, headers, body } = await send(server.http, {
    method: 'POST',
    target,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  })
  return { status, headers, body: JSON.parse(body) }
}

/** @returns an access and a refresh token, bought with the secret. */
export async function buyTokens(
  server: LiveServer,
  client: { readonly clientId: string; readonly clientSecret: string },
): Promise<{ readonly access: string; readonly refresh: string }> {
  const { status, body } = await postForm(server, '/token', {
    grant_type: 'client_credentials',
    client_id: client.clientId,
    client_secret: client.clientSecret,
    scope: 'WireSocket.API offline_access',
  })
  assert.equal(status, 200, JSON.stringify(body))
  return { access: body.access_token, refresh: body.refresh_token }
}

export function refresh(server: LiveServer, clientId: string, token: string): Promise<TokenAnswer> {
  const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: token }
  return postForm(server, '/token', form)
}

/** @returns the status of publishing one event with a bearer credential. */
export async function publishWith(
  server: LiveServer,
  appId: string,
  token: string,
): Promise<number> {
  const { status } = await send(server.http, {
    method: 'POST',
    target: `/apps/${appId}/events`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'e', channel: 'news', data: 'd' }),
  })
  return status
}
