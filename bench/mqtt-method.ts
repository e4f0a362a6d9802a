/** What the page says of how MQTT is measured. */
export const MQTT_METHOD: readonly string[] = [
  'MQTT is spoken over TCP by a generator of its own, level 3.1.1 (renewals: 5.0), with clean sessions',
  'and payloads of 60 bytes; every byte of every delivery is checked. A message counts when its',
  'subscriber has it and, with QoS 1, its publisher the PUBACK. Our clients each have a token of our',
  'token service and are held by the organization’s rules, a rule set of 19 rules with placeholders,',
  'the lists of the token, and limits of publishing by app, topic and user that are never reached.',
  'For connects the tokens are new; idle clients are known to theirs from the first run on. The',
  'figure of the memory of an idle connection is that of the whole server, by which it grew.',
  '',
  '`mosquitto` is that of Debian: anonymous, nothing persistent, no log, `set_tcp_nodelay true`,',
  '`max_inflight_messages 256`, all else as it comes. `aedes (Node)` is aedes in memory with',
  '`setNoDelay`. Neither asks anybody who they are or what they may.',
  '',
]
