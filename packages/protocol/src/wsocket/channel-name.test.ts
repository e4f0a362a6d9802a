import { describe, expect, test } from 'bun:test'
import vectors from '../../../../test/vectors/wsocket.json'
import { parseChannelName } from './channel-name.ts'

describe('a channel name', () => {
  test.each(vectors.channelNames.good)('is taken as it is: %j', (name) => {
    expect(parseChannelName(name)).toEqual({ ok: true, value: name as never })
  })

  test.each(vectors.channelNames.bad)('is refused, not mended: %j', (name) => {
    expect(parseChannelName(name)).toMatchObject({ ok: false, refusal: 'channel_invalid' })
  })
})
