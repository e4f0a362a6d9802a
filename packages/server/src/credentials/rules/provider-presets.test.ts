import { describe, expect, test } from 'bun:test'
import { type GivenProvider, readProvider } from './provider-presets.ts'

describe('the project is enough for providers that are known', () => {
  test.each<[GivenProvider, object]>([
    [
      { type: 'supabase', project: 'abcdefgh' },
      {
        issuer: 'https://abcdefgh.supabase.co/auth/v1',
        jwksUrl: 'https://abcdefgh.supabase.co/auth/v1/.well-known/jwks.json',
        audience: ['authenticated'],
      },
    ],
    [
      { type: 'firebase', project: 'my-project' },
      {
        issuer: 'https://securetoken.google.com/my-project',
        jwksUrl:
          'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com',
        audience: ['my-project'],
      },
    ],
    [
      { type: 'auth0', project: 'acme.eu.auth0.com', audience: ['https://api.acme.example'] },
      {
        issuer: 'https://acme.eu.auth0.com/',
        jwksUrl: 'https://acme.eu.auth0.com/.well-known/jwks.json',
      },
    ],
    [
      { type: 'clerk', project: 'clerk.acme.example', authorizedParties: ['https://acme.example'] },
      {
        issuer: 'https://clerk.acme.example',
        jwksUrl: 'https://clerk.acme.example/.well-known/jwks.json',
        audience: [],
        authorizedParties: ['https://acme.example'],
      },
    ],
    [
      { type: 'oidc', issuer: 'https://id.example', jwksUrl: 'https://id.example/keys' },
      { issuer: 'https://id.example', jwksUrl: 'https://id.example/keys', audience: [] },
    ],
  ])('%j', (given, expected) => {
    const rest = { requiredClaims: ['email'], emailClaim: 'email', userIdClaim: 'sub' }
    const read = readProvider(given)
    expect(read).toMatchObject({ ok: true, value: { ...rest, capToIdpExpiry: false, ...expected } })
  })
})

test('what is given goes before what is known', () => {
  const given = {
    type: 'supabase',
    project: 'abc',
    issuer: 'https://auth.acme.example',
    audience: [],
    emailClaim: 'mail',
  } as const
  expect(readProvider(given)).toMatchObject({
    value: {
      issuer: 'https://auth.acme.example',
      jwksUrl: 'https://auth.acme.example/.well-known/jwks.json',
      audience: [],
      requiredClaims: ['mail'],
    },
  })
})

test('a shared secret stands in for published keys', () => {
  const given = { type: 'supabase', project: 'abc', jwtSecret: 'supabase' } as const
  expect(readProvider(given)).toMatchObject({
    value: { jwksUrl: undefined, jwtSecret: 'supabase' },
  })
})

test.each<[GivenProvider, string]>([
  [{ type: 'supabase' }, 'Give project'],
  [{ type: 'oidc', project: 'x' }, 'Give issuer'],
  [{ type: 'oidc', issuer: 'https://id.example' }, 'Give jwksUrl'],
  [{ type: 'auth0', project: 'acme.eu.auth0.com' }, 'Give audience'],
  [{ type: 'supabase', project: 'abc.evil.example/' }, 'project is'],
  [{ type: 'clerk', project: 'https://x.example' }, 'project is'],
  [{ type: 'oidc', issuer: 'i', jwksUrl: 'file:///etc/passwd' }, 'jwksUrl is'],
  [{ type: 'oidc', issuer: 'i', jwksUrl: 'https://u:p@id.example' }, 'jwksUrl is'],
  [{ type: 'oidc', issuer: 'i', jwksUrl: 'https://id.example/#x' }, 'jwksUrl is'],
  [{ type: 'oidc', issuer: 'i', jwksUrl: 'https://i.example', jwtSecret: 'x' }, 'Give one of'],
])('%j is refused, and says what to give', (given, what) => {
  const read = readProvider(given)
  expect(read.ok ? '' : read.detail).toContain(what)
})

describe('an issuer that signs for applications of anybody needs an audience', () => {
  test.each<GivenProvider>([
    { type: 'oidc', issuer: 'https://accounts.google.com', jwksUrl: 'https://keys.example/k' },
    { type: 'oidc', issuer: 'accounts.google.com', jwksUrl: 'https://keys.example/k' },
    { type: 'oidc', issuer: '', jwksUrl: 'https://www.googleapis.com/oauth2/v3/certs' },
    { type: 'firebase', issuer: '', audience: [] },
    {
      type: 'oidc',
      issuer: 'https://login.microsoftonline.com/common/v2.0',
      jwksUrl: 'https://LOGIN.microsoftonline.com/common/discovery/v2.0/keys',
    },
    { type: 'oidc', issuer: 'https://appleid.apple.com', jwksUrl: 'https://appleid.apple.com/k' },
  ])('%j', (given) => {
    const read = readProvider({ jwksUrl: 'https://www.googleapis.com/k', ...given })
    expect(read).toMatchObject({ ok: false, refusal: 'input_invalid' })
    const ours = { ...given, audience: ['our client'] }
    expect(readProvider({ jwksUrl: 'https://www.googleapis.com/k', ...ours }).ok).toBe(true)
    const party = { ...given, authorizedParties: ['our client'] }
    expect(readProvider({ jwksUrl: 'https://www.googleapis.com/k', ...party }).ok).toBe(true)
  })
})
