// Next.js API route: app/api/mqtt-token/route.ts
import { auth } from '@/lib/auth' // your auth library
import { NextResponse } from 'next/server'

export async function POST() {
  // 1. Verify the user is authenticated
  const session = await auth()
  if (!session?.user?.email) {
    return NextResponse.json({ error: 'Unauthorized' }, { status: 401 })
  }

  // 2. Mint a token from Lockgate
  const response = await fetch(`${process.env.CLOUDSIGNAL_API_URL}/v2/tokens/create`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      organization_id: process.env.CLOUDSIGNAL_ORG_ID,
      secret_key: process.env.CLOUDSIGNAL_SECRET_KEY,
      user_email: session.user.email,
    }),
  })

  if (!response.ok) {
    console.error('Token generation failed:', await response.text())
    return NextResponse.json({ error: 'Token generation failed' }, { status: 502 })
  }

  const data = await response.json()
  return NextResponse.json({
    username: data.mqtt_credentials.username,
    password: data.mqtt_credentials.password,
    tokenId: data.token_id,
    expiresAt: data.expires_at,
    refreshAt: data.refresh_recommended_at,
  })
}
