#include "mqtt.h"

#include <string.h>

#include "measure.h"

/* What Lockgate calls showing a token; other servers are used without. */
static const char METHOD[] = "lockgate-token";

size_t packet_take(const char *bytes, size_t length, struct packet *packet, const char *who) {
  if (length < 2) return 0;
  const uint8_t *at = (const uint8_t *)bytes;
  size_t size = 0, head = 1;
  for (int shift = 0;; shift += 7, head++) {
    if (shift > 21) fault("%s: a packet with a remaining length of five bytes", who);
    if (head >= length) return 0;
    size |= (size_t)(at[head] & 127) << shift;
    if (at[head] < 128) break;
  }
  head++;
  if (length < head + size) return 0;
  *packet = (struct packet){at[0] >> 4, at[0] & 15, at + head, size};
  return head + size;
}

void packet_fault(const struct packet *packet, const char *who) {
  if (packet->type == DISCONNECT)
    fault("%s: the server ended the connection with reason 0x%02x", who,
          packet->length > 0 ? packet->body[0] : 0);
  fault("%s: a packet of type %d with %zu bytes arrived", who, packet->type, packet->length);
}

void connack_check(const struct packet *packet, const char *who) {
  if (packet->type != CONNACK) packet_fault(packet, who);
  if (packet->length < 2 || packet->body[1] != 0)
    fault("%s: the server refused with code %d", who, packet->length < 2 ? -1 : packet->body[1]);
}

void auth_check(const struct packet *packet, const char *who) {
  if (packet->length > 0 && packet->body[0] != 0)
    fault("%s: the renewal was answered with 0x%02x", who, packet->body[0]);
}

uint16_t acknowledged_id(const struct packet *packet, const char *who) {
  if (packet->length < 2) fault("%s: an acknowledgement of %zu bytes", who, packet->length);
  /* PUBACK: its reason, where there is one; SUBACK: the last of its reasons. 0x10: nobody heard. */
  uint8_t reason = packet->length > 2 ? packet->body[packet->type == SUBACK ? packet->length - 1 : 2]
                                      : 0;
  if (reason >= 0x80) fault("%s: refused with reason 0x%02x", who, reason);
  return (uint16_t)(packet->body[0] << 8 | packet->body[1]);
}

struct published publish_read(const struct packet *packet, int level, const char *who) {
  struct published got = {.qos = packet->flags >> 1 & 3};
  const uint8_t *body = packet->body, *end = body + packet->length;
  if (packet->length < 2) fault("%s: a PUBLISH of %zu bytes", who, packet->length);
  got.topic_length = (size_t)(body[0] << 8 | body[1]);
  got.topic = (const char *)body + 2;
  body += 2 + got.topic_length;
  if (got.qos > 0 && body + 2 <= end) {
    got.packet_id = (uint16_t)(body[0] << 8 | body[1]);
    body += 2;
  }
  /* Properties are short here: their length is one byte. */
  if (level == 5 && body < end) body += 1 + body[0];
  if (body > end || got.qos == 3) fault("%s: a PUBLISH that is none", who);
  got.payload = (const char *)body;
  got.payload_length = (size_t)(end - body);
  return got;
}

static char *text_put(char *at, const char *text, size_t length) {
  *at++ = (char)(length >> 8);
  *at++ = (char)length;
  memcpy(at, text, length);
  return at + length;
}

/* Puts the fixed header before a body that was written behind room for it. */
static size_t finish(char *out, int first, size_t length) {
  uint8_t head[5] = {(uint8_t)first};
  size_t count = 1, left = length;
  do {
    head[count++] = (uint8_t)(left & 127) | (left > 127 ? 128 : 0);
    left >>= 7;
  } while (left > 0);
  memmove(out + count, out + sizeof head, length);
  memcpy(out, head, count);
  return count + length;
}

/* The properties by which a token is shown (MQTT 5 §3.1.2.11.9); without one, none. */
static char *token_put(char *at, const char *password) {
  size_t length = strlen(password), size = password[0] ? 6 + strlen(METHOD) + length : 0;
  *at++ = (char)((size & 127) | (size > 127 ? 128 : 0));
  if (size > 127) *at++ = (char)(size >> 7);
  if (size == 0) return at;
  *at++ = 0x15;
  at = text_put(at, METHOD, strlen(METHOD));
  *at++ = 0x16;
  return text_put(at, password, length);
}

size_t connect_put(char *out, const struct account *account, int level) {
  char *body = out + 5, *at = body;
  int is_named = account->username[0] != 0, by_method = level == 5 && is_named;
  at = text_put(at, "MQTT", 4);
  *at++ = (char)level;
  *at++ = (char)(0x02 | (is_named ? 0x80 : 0) | (is_named && !by_method ? 0x40 : 0));
  *at++ = 0x02; /* keep alive: ten minutes */
  *at++ = 0x58;
  if (level == 5) at = token_put(at, by_method ? account->password : "");
  at = text_put(at, account->client_id, strlen(account->client_id));
  if (is_named) at = text_put(at, account->username, strlen(account->username));
  if (is_named && !by_method) at = text_put(at, account->password, strlen(account->password));
  return finish(out, 0x10, (size_t)(at - body));
}

size_t subscribe_put(char *out, const char *topic, int qos, int level) {
  char *body = out + 5, *at = body;
  *at++ = 0;
  *at++ = 1;
  if (level == 5) *at++ = 0;
  at = text_put(at, topic, strlen(topic));
  *at++ = (char)qos;
  return finish(out, 0x82, (size_t)(at - body));
}

size_t publish_put(char *out, const struct outgoing *message, int level) {
  char *body = out + 5, *at = text_put(body, message->topic, strlen(message->topic));
  if (message->qos > 0) {
    *at++ = (char)(message->packet_id >> 8);
    *at++ = (char)message->packet_id;
  }
  if (level == 5) *at++ = 0;
  memcpy(at, message->payload, message->payload_length);
  at += message->payload_length;
  return finish(out, 0x30 | message->qos << 1, (size_t)(at - body));
}

size_t puback_put(char *out, uint16_t packet_id) {
  const char packet[] = {0x40, 2, (char)(packet_id >> 8), (char)packet_id};
  memcpy(out, packet, sizeof packet);
  return sizeof packet;
}

/* Reason 0x19: re-authenticate. */
size_t auth_put(char *out, const char *password) {
  char *body = out + 5, *at = body;
  *at++ = 0x19;
  at = token_put(at, password);
  return finish(out, 0xf0, (size_t)(at - body));
}
