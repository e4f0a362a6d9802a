/** Which handlers a message is for. MQTT 5.0 §4.7. Pure. */

/** Whether `topic` falls under `filter`, which may be that of a shared subscription (§4.8.2). */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = plainFilter(filter).split('/')
  const given = topic.split('/')
  // [MQTT-4.7.2-1]
  if (topic.startsWith('$') && /^[+#]/.test(wanted[0] ?? '')) return false
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true
    if (index >= given.length) return false
    if (level !== '+' && level !== given[index]) return false
  }
  return wanted.length === given.length
}

/** Without `$share/GROUP/`: messages come with the topic they were published to. */
function plainFilter(filter: string): string {
  return filter.startsWith('$share/') ? filter.split('/').slice(2).join('/') : filter
}
